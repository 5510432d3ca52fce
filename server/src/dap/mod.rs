//! The debug adapter: the only place with DAP types.
