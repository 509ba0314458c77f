"""What IAM would have said: policies read, requests judged, grants compared with what was used."""
