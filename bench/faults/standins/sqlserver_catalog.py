"""The catalog of a SQL Server, as far as wickie asks it, in SQLite's words."""

SCHEMA = """
attach ':memory:' as sys;
create table sys.sql_logins (name unique, sid, principal_id integer primary key, password,
  default_database_name, default_language_name, is_policy_checked, is_expiration_checked);
create table sys.server_roles (name, principal_id, sid);
create view sys.server_principals as select name, principal_id, sid from sql_logins
  union all select * from server_roles;
create table sys.server_role_members (role_principal_id, member_principal_id);
create table sys.server_permissions (state, permission_name, class, major_id,
  grantee_principal_id);
create table sys.databases (name, state);
create table sys.users (db, name, principal_id integer primary key, sid, default_schema_name);
create view sys.database_principals as select * from users where db = db_name();
create table sys.database_role_members (role_principal_id, member_principal_id);
create table sys.permissions (db, state, permission_name, class, major_id, minor_id,
  grantee_principal_id);
create view sys.database_permissions as select * from permissions where db = db_name();
create table sys.all_objects (object_id, name, schema_id);
create table sys.all_columns (object_id, column_id, name);
create table sys.schemas (schema_id, name);
create table sys.types (user_type_id, name, schema_id);
create table sys.dm_exec_sessions (session_id, original_login_name, program_name, host_name);
insert into sys.server_roles values ('processadmin', 900, null), ('odd ] role', 901, null);
insert into sys.databases values ('master', 0), ('shop', 0), ('odd ] base', 0), ('off', 6);
insert into sys.all_objects values (70, 'orders', 60), (71, 'odd ] table', 60);
insert into sys.all_columns values (71, 2, 'price'), (71, 3, 'odd ] column');
insert into sys.schemas values (60, 'sales'), (61, 'dbo');
"""
