//! Files that are kept open.

use std::io::ErrorKind;

use super::Folder;
use crate::sys::{FileIdentity, MappedFile, OpenFile};

#[test]
fn a_file_is_read_and_mapped_whatever_becomes_of_its_path() {
    let folder = Folder::new();
    let path = folder.file("a", b"0123456789");
    let file = OpenFile::open(&path).unwrap();
    assert_eq!(file.identity(), FileIdentity::of(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    folder.file("a", b"another");
    assert_ne!(file.identity(), FileIdentity::of(&path).unwrap());
    assert_eq!(file.map().unwrap().as_ref(), b"0123456789");
    assert_eq!(file.read().unwrap(), b"0123456789");
    let mut part = [0; 4];
    file.read_exact_at(&mut part, 3).unwrap();
    assert_eq!(&part, b"3456");
    assert_eq!(file.read_exact_at(&mut part, 7).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(file.size_now().unwrap(), 10);
}

#[test]
fn the_size_is_that_of_now() {
    let folder = Folder::new();
    let path = folder.file("a", &[1; 100]);
    let file = OpenFile::open(&path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(40).unwrap();
    assert_eq!((file.identity().size, file.size_now().unwrap()), (100, 40));
    assert_eq!(file.read().unwrap().len(), 40);
}

#[test]
fn an_empty_file_is_no_error() {
    let folder = Folder::new();
    let file = OpenFile::open(&folder.file("a", b"")).unwrap();
    assert_eq!(file.map().unwrap().as_ref(), b"");
    assert_eq!(file.read().unwrap(), b"");
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let folder = std::env::temp_dir();
    assert!(OpenFile::open(&folder).is_err());
    assert!(MappedFile::open(&folder).is_err());
    assert_eq!(OpenFile::open(&folder.join("dyld_atlas-absent")).unwrap_err().kind(), ErrorKind::NotFound);
    #[cfg(unix)]
    {
        assert_eq!(OpenFile::open(&folder).unwrap_err().raw_os_error(), Some(libc::EISDIR));
        assert_eq!(OpenFile::open("/dev/zero".as_ref()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_without_waiting_for_a_writer() {
    let folder = Folder::new();
    let pipe = folder.file("a", b"").with_file_name("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(OpenFile::open(&pipe).unwrap_err().kind(), ErrorKind::InvalidInput);
}
