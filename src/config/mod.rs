//! The configuration: raw and spanned, then checked whole, then values that modules own.
