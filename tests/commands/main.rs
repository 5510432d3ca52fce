//! The commands from end to end: azds as a developer runs it, with no right but the Role of a space.

mod debug;
mod doctor;
mod dotnet;
mod exec;
mod failures;
mod gate;
mod life;
mod private;
mod probes;
mod secrets;
mod sync;
mod values;
