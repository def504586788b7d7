//! One line for each diagnostic, for editors and `grep`.

use core::fmt::Write as _;

use crate::diagnostics::{Diagnostics, Kind};
use crate::source::Sources;

pub(super) fn render<C: Kind>(diagnostics: &Diagnostics<C>, sources: &Sources) -> String {
    let mut out = String::new();
    for one in diagnostics.iter() {
        let place = sources.locate(one.primary.span);
        let _ = write!(out, "{place}: {}[{}]: {}", one.severity().word(), one.code, one.message);
        if let Some(help) = &one.help {
            let _ = write!(out, "; help: {help}");
        }
        out.push('\n');
    }
    if diagnostics.left_out() > 0 {
        let _ = writeln!(out, "{} more", diagnostics.left_out());
    }
    out
}
