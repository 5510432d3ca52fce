//! azds: what Azure Dev Spaces gave, for any Kubernetes cluster and any editor.
//!
//! Two binaries share this library: `azds` on the developer's machine and `azds-agent` in the
//! cluster. ARCHITECTURE.md says which module may use which; a test holds it.

#[cfg(target_os = "linux")]
pub mod agent;
pub mod analysis;
pub mod cluster;
pub mod commands;
pub mod context;
pub mod dap;
pub mod failure;
pub mod lsp;
pub mod memory;
pub mod progress;
pub mod system;
