//! Answers of analysis as LSP has them.

use tower_lsp::ls_types::{
    self as lsp, CompletionItem, CompletionItemKind, CompletionTextEdit, DocumentLink,
    DocumentSymbol, Documentation, FoldingRange, FoldingRangeKind, HoverContents, InsertTextMode,
    MarkupContent, MarkupKind, Position, Range, SelectionRange, SymbolKind, TextEdit,
};

use super::ask::Asked;
use crate::analysis::Edit;
use crate::analysis::answer::{self, Completion, CompletionKind, Fold, Hover, Link, Symbol};
use crate::analysis::lines::{self, Lines};

/// The editor's position as ours.
pub(super) fn position(position: Position) -> lines::Position {
    lines::Position {
        line: position.line,
        character: position.character,
    }
}

pub(super) fn range(range: &std::ops::Range<usize>, lines: &Lines) -> Range {
    let position = |offset| {
        let lines::Position { line, character } = lines.position(offset);
        Position { line, character }
    };
    Range {
        start: position(range.start),
        end: position(range.end),
    }
}

pub(super) fn edit(edit: &Edit, lines: &Lines) -> TextEdit {
    TextEdit {
        range: range(&edit.range, lines),
        new_text: edit.text.clone(),
    }
}

pub(super) fn markdown(value: String) -> MarkupContent {
    MarkupContent {
        kind: MarkupKind::Markdown,
        value,
    }
}

pub(super) fn hover(hover: Hover, lines: &Lines) -> lsp::Hover {
    lsp::Hover {
        range: Some(range(&hover.range, lines)),
        contents: HoverContents::Markup(markdown(hover.markdown)),
    }
}

/// `at` is the place of the completion among all: the editor keeps their order by it.
pub(super) fn completion(at: usize, completion: Completion, lines: &Lines) -> CompletionItem {
    let some = |text: String| (!text.is_empty()).then_some(text);
    CompletionItem {
        kind: Some(match completion.kind {
            CompletionKind::Key => CompletionItemKind::PROPERTY,
            CompletionKind::Value => CompletionItemKind::VALUE,
            CompletionKind::File => CompletionItemKind::FILE,
            CompletionKind::Folder => CompletionItemKind::FOLDER,
            CompletionKind::Token => CompletionItemKind::VARIABLE,
        }),
        detail: some(completion.detail),
        documentation: some(completion.documentation)
            .map(|text| Documentation::MarkupContent(markdown(text))),
        sort_text: Some(format!("{at:04}")),
        // Editors compare it with what is written in the range already.
        filter_text: Some(completion.edit.text.clone()),
        insert_text_mode: completion
            .edit
            .text
            .contains('\n')
            .then_some(InsertTextMode::AS_IS),
        text_edit: Some(CompletionTextEdit::Edit(edit(&completion.edit, lines))),
        label: completion.label,
        ..CompletionItem::default()
    }
}

pub(super) fn symbol(symbol: Symbol, lines: &Lines) -> DocumentSymbol {
    let children = symbol.children.into_iter();
    let children: Vec<_> = children.map(|child| self::symbol(child, lines)).collect();
    #[expect(deprecated, reason = "the type has the field")]
    DocumentSymbol {
        name: symbol.name,
        detail: (!symbol.detail.is_empty()).then_some(symbol.detail),
        kind: match symbol.kind {
            answer::SymbolKind::Map => SymbolKind::MODULE,
            answer::SymbolKind::List => SymbolKind::ARRAY,
            answer::SymbolKind::Value => SymbolKind::STRING,
        },
        tags: None,
        deprecated: None,
        range: range(&symbol.range, lines),
        selection_range: range(&symbol.selection, lines),
        children: (!children.is_empty()).then_some(children),
    }
}

pub(super) fn link(link: &Link, asked: &Asked<'_>) -> DocumentLink {
    let target = asked.location(&link.target);
    DocumentLink {
        range: range(&link.range, &asked.lines),
        target: target.map(|location| location.uri),
        tooltip: Some(link.target.path.clone()),
        data: None,
    }
}

pub(super) fn fold(fold: &Fold, lines: &Lines) -> FoldingRange {
    let range = range(&fold.range, lines);
    FoldingRange {
        start_line: range.start.line,
        start_character: None,
        end_line: range.end.line,
        end_character: None,
        kind: fold.comment.then_some(FoldingRangeKind::Comment),
        collapsed_text: None,
    }
}

/// Ranges from the innermost to the outermost.
pub(super) fn selection(ranges: &[std::ops::Range<usize>], lines: &Lines) -> SelectionRange {
    let outermost = ranges.iter().rev().fold(None, |parent, inner| {
        Some(Box::new(SelectionRange {
            range: range(inner, lines),
            parent,
        }))
    });
    outermost.map_or_else(
        || SelectionRange {
            range: Range::default(),
            parent: None,
        },
        |selection| *selection,
    )
}
