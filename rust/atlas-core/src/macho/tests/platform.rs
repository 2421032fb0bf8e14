use super::builder::{ARM64, ARM64_32, Builder, I386, X86_64};
use crate::macho::{Version, View};

fn versions(builder: &Builder) -> Option<(u32, String, String)> {
    let file = builder.build();
    let found = View::parse(&file).unwrap().build_version()?;
    Some((found.platform, found.min_os.to_string(), found.sdk.to_string()))
}

fn expected(platform: u32, min_os: &str, sdk: &str) -> Option<(u32, String, String)> {
    Some((platform, min_os.to_owned(), sdk.to_owned()))
}

#[test]
fn versions_are_written_as_dyld_writes_them() {
    for (value, text) in [
        (0, "0.0"),
        (0x000a_0900, "10.9"),
        (0x000d_0301, "13.3.1"),
        (0x0527_0000, "1319.0"),
        (0x0538_3d01, "1336.61.1"),
        (u32::MAX, "65535.255.255"),
    ] {
        assert_eq!(Version(value).to_string(), text);
    }
}

#[test]
fn build_version() {
    assert_eq!(versions(&Builder::new(ARM64)), None);
    assert_eq!(
        versions(&Builder::new(ARM64).integers(0x32, &[2, 0x0011_0000, 0x0012_0100, 0])),
        expected(2, "17.0", "18.1")
    );
    assert_eq!(versions(&Builder::new(ARM64).integers(0x32, &[999, 1, 2, 0])), expected(999, "0.0.1", "0.0.2"));
}

#[test]
fn the_older_commands_mean_simulators_on_intel() {
    for (number, device, simulator) in [(0x25, 2, 7), (0x2f, 3, 8), (0x30, 4, 9)] {
        let body = [0x0009_0000, 0];
        assert_eq!(versions(&Builder::new(ARM64).integers(number, &body)), expected(device, "9.0", "0.0"));
        assert_eq!(versions(&Builder::new(ARM64_32).integers(number, &body)), expected(device, "9.0", "0.0"));
        assert_eq!(versions(&Builder::new(X86_64).integers(number, &body)), expected(simulator, "9.0", "0.0"));
        assert_eq!(versions(&Builder::new(I386).integers(number, &body)), expected(simulator, "9.0", "0.0"));
    }
    assert_eq!(
        versions(&Builder::new(X86_64).integers(0x24, &[0x000a_0900, 0x000a_0b00])),
        expected(1, "10.9", "10.11")
    );
}

#[test]
fn an_sdk_of_0_is_the_oldest_system_on_macos() {
    assert_eq!(versions(&Builder::new(X86_64).integers(0x24, &[0x000a_0600, 0])), expected(1, "10.6", "10.6"));
}

#[test]
fn a_zippered_library_is_one_of_macos() {
    let macos = [1, 0x000d_0000, 0x000e_0000, 0];
    let catalyst = [6, 0x0010_0000, 0x0011_0000, 0];
    for commands in [[macos, catalyst], [catalyst, macos]] {
        let builder = Builder::new(ARM64).integers(0x32, &commands[0]).integers(0x32, &commands[1]);
        assert_eq!(versions(&builder), expected(1, "13.0", "14.0"));
        let file = builder.build();
        let all: Vec<_> = View::parse(&file).unwrap().build_versions().map(|found| found.platform).collect();
        assert_eq!(all, [commands[0][0], commands[1][0]]);
    }
}

#[test]
fn of_other_pairs_the_first_platform_and_of_one_platform_the_last_versions() {
    let builder = Builder::new(ARM64).integers(0x32, &[2, 0x000d_0000, 0, 0]).integers(0x32, &[3, 0x000e_0000, 0, 0]);
    assert_eq!(versions(&builder), expected(2, "13.0", "0.0"));
    let builder = builder.integers(0x32, &[2, 0x000f_0000, 0, 0]);
    assert_eq!(versions(&builder), expected(2, "15.0", "0.0"));
}
