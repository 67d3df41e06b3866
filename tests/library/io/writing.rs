//! Where files can be written, and what happens to files that exist.

use std::fs;
use std::path::Path;

use tenfold::Tensor;
use tenfold::io::{check_writable, write_npy};

#[test]
fn a_check_whether_a_file_can_be_written_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    check_writable(folder.path().join("x.npy")).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn paths_that_cannot_be_written_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| check_writable(path).unwrap_err().to_string();
    let directory = message(folder.path());
    assert!(directory.contains("this is a directory"), "{directory}");
    let missing = message(&folder.path().join("no/x"));
    assert!(missing.contains("does not exist"), "{missing}");
}

#[test]
fn a_read_only_file_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, "old").unwrap();
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert!(check_writable(&path).is_err());
    let x = Tensor::<f32>::zeros(&[2]).unwrap();
    assert!(write_npy(&path, &x).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
    use std::path::Path;

    use tenfold::Tensor;
    use tenfold::io::{AnyTensor, read_npy, write_npy};

    fn zeros() -> Tensor<f32> {
        Tensor::zeros(&[2]).unwrap()
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.npy");
        let link = folder.path().join("link.npy");
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        write_npy(&link, &zeros()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(read_npy(&file).unwrap(), AnyTensor::F32(zeros()));
    }

    #[test]
    fn a_device_stays_a_device() {
        write_npy("/dev/null", &zeros()).unwrap();
        let device = fs::metadata("/dev/null").unwrap();
        assert!(device.file_type().is_char_device());
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_has_the_permissions_of_the_umask() {
        let folder = tempfile::tempdir().unwrap();
        let [plain, written] = ["plain", "x.npy"].map(|name| folder.path().join(name));
        fs::write(&plain, "").unwrap();
        write_npy(&written, &zeros()).unwrap();
        assert_eq!(mode(&written), mode(&plain));
    }

    #[test]
    fn a_file_that_is_replaced_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.npy");
        let link = folder.path().join("link.npy");
        fs::write(&file, "old").unwrap();
        symlink(&file, &link).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        write_npy(&link, &zeros()).unwrap();
        assert_eq!(mode(&file), 0o600);
    }
}
