"""
Known vulnerabilities of what is deployed: scanners run as programs, findings in one shape.

The scanners are Trivy and Grype themselves, and AWS's own (ECR, Inspector) by their findings.
"""
