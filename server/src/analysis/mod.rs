//! Text in, problems out. Pure: no tokio, no kube, no LSP types, no files, no clock. Cannot fail.
