//! The language server: the only place with LSP types.
