//! What a person can ask for.

pub mod check;
mod confirmation;
pub mod debug;
pub mod debug_target;
pub mod debugger;
pub mod doctor;
pub mod document;
pub mod down;
pub mod exec;
pub mod images;
pub mod list_up;
pub mod list_uris;
pub mod logs;
mod objects;
pub mod owner;
pub mod prep;
pub mod service;
pub mod services;
pub mod space;
pub mod status;
pub mod sync;
pub mod terminal;
pub mod trouble;
pub mod up;
pub mod use_dev_spaces;
pub mod variables;
