//! A scripted debugger that plays recordings of a real netcoredbg, with its traits.
