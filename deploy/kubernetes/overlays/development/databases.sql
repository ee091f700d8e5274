create database auth;
create database tickets;
create database orders;
create database expiration;
create database payments;
create database notifications;
create database sandbox;
