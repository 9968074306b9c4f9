//! T.30 by spandsp behind one safe face: the only place of the project where C meets a caller's bytes.
