-- What deploy/compose.yaml's PostgreSQL begins with: a database for each service, and the sandbox provider's.
create database auth;
create database tickets;
create database orders;
create database expiration;
create database payments;
create database notifications;
create database sandbox;
