//! The ambit command.
