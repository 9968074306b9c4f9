//! What must survive a power cut.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes a rename, a new file or a removal in `folder` durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
