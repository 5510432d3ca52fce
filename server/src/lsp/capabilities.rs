//! What the editor can do, and what the server offers it.

use tower_lsp::ls_types::*;

use super::actions;
use crate::analysis::lines::Encoding;

/// What the editor said of itself in `initialize`.
#[derive(Clone, Default)]
pub(super) struct Editor {
    pub encoding: Encoding,
    pub creates_progress: bool,
    pub watches_files: bool,
    /// It asks for diagnostics, so that they need not be sent.
    pub pulls_diagnostics: bool,
    /// It can be told to ask for diagnostics again.
    pub refreshes_diagnostics: bool,
    /// Commands of its own that code lenses may name, from `experimental.commands.commands`.
    pub commands: Vec<String>,
    /// It wants to be told how services are: `experimental.azds.serviceChanged`.
    pub follows_services: bool,
}

impl Editor {
    pub fn of(capabilities: &ClientCapabilities) -> Editor {
        let general = capabilities.general.as_ref();
        let encodings = general.and_then(|general| general.position_encodings.as_ref());
        let utf8 = encodings.is_some_and(|all| all.contains(&PositionEncodingKind::UTF8));
        let window = capabilities.window.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let text_document = capabilities.text_document.as_ref();
        let watching = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        let diagnostics = workspace.and_then(|workspace| workspace.diagnostics.as_ref());
        let experimental = capabilities.experimental.as_ref();
        let commands = experimental.and_then(|it| it.pointer("/commands/commands"));
        let commands = commands.and_then(|commands| commands.as_array());
        Editor {
            encoding: if utf8 {
                Encoding::Utf8
            } else {
                Encoding::Utf16
            },
            creates_progress: window.and_then(|w| w.work_done_progress).unwrap_or(false),
            watches_files: watching
                .and_then(|w| w.dynamic_registration)
                .unwrap_or(false),
            pulls_diagnostics: text_document.is_some_and(|it| it.diagnostic.is_some()),
            refreshes_diagnostics: diagnostics
                .and_then(|it| it.refresh_support)
                .unwrap_or(false),
            commands: commands
                .into_iter()
                .flatten()
                .filter_map(|command| command.as_str().map(str::to_owned))
                .collect(),
            follows_services: experimental
                .and_then(|it| it.pointer("/azds/serviceChanged"))
                .is_some_and(|it| it == true),
        }
    }
}

/// What the server offers.
pub(super) fn offered(encoding: Encoding, commands: &[&str]) -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::Supported(true)),
        ..TextDocumentSyncOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some(["$", "(", "{", "/", "."].map(str::to_owned).into()),
        ..CompletionOptions::default()
    };
    let execute = ExecuteCommandOptions {
        commands: commands.iter().map(|name| (*name).to_owned()).collect(),
        work_done_progress_options: WorkDoneProgressOptions {
            work_done_progress: Some(true),
        },
    };
    ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(completion),
        execute_command_provider: Some(execute),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, actions::FIX_ALL]),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions {
            resolve_provider: None,
        }),
        definition_provider: Some(OneOf::Left(true)),
        diagnostic_provider: Some(DiagnosticServerCapabilities::Options(DiagnosticOptions {
            identifier: Some("azds".to_owned()),
            inter_file_dependencies: true,
            workspace_diagnostics: true,
            ..DiagnosticOptions::default()
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: None,
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        document_symbol_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        inlay_hint_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        ..ServerCapabilities::default()
    }
}
