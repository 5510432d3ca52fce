//! The commands from end to end: azds as a developer runs it, with no right but the Role of a space.

mod confined;
mod debug;
mod doctor;
mod dotnet;
mod edits;
mod exec;
mod failures;
mod gate;
mod life;
mod logs;
mod pending;
mod private;
mod probes;
mod secrets;
mod stay;
mod sync;
mod together;
mod trees;
mod values;
