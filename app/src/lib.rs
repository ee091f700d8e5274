//! The composition of all services into one program.

mod api_document;
pub mod backup;
pub mod check;
pub mod compose;
pub mod control;
pub mod data_dir;
pub mod demo;
mod edge;
pub mod events;
pub mod front;
pub mod keys;
pub mod leaving;
pub mod migrate;
pub mod operator;
pub mod serve;
pub mod server;
pub mod settings;
pub mod site;
pub mod storage;
mod transport;
pub mod up;
