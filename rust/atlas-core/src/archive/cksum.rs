//! The checksum of the POSIX `cksum` utility, which dyld 1284 to 1340 puts into `CKS`.

/// x^32 is left out; not reflected.
const POLYNOMIAL: u32 = 0x04C1_1DB7;
/// Bytes per step: one table each.
const STRIDE: usize = 16;

/// `TABLES[n][b]` is the remainder of byte `b` followed by `n` zero bytes.
static TABLES: [[u32; 256]; STRIDE] = tables();

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time, with constant bounds")]
const fn tables() -> [[u32; 256]; STRIDE] {
    let mut tables = [[0u32; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder >> 31 == 1 { (remainder << 1) ^ POLYNOMIAL } else { remainder << 1 };
            bit += 1;
        }
        tables[0][byte] = remainder;
        byte += 1;
    }
    let mut table = 1;
    while table < STRIDE {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before << 8) ^ tables[0][(before >> 24) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// One byte's share in a step. The index is a byte and the table has 256 rows: it cannot miss.
#[inline(always)]
fn share(zeros: usize, byte: u8) -> u32 {
    TABLES[zeros][usize::from(byte)]
}

/// The POSIX 1003.2 checksum of `data`: CRC-32 with polynomial 0x04C11DB7, not reflected, from 0, over the data and
/// then the octets of its length, lowest first, without leading zeros; complemented.
///
/// `cksum(b"123456789")` is 930766865; of nothing it is 0xFFFFFFFF.
#[must_use]
pub fn cksum(data: &[u8]) -> u32 {
    let mut crc = 0u32;
    let (steps, rest) = data.as_chunks::<STRIDE>();
    for step in steps {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *step;
        let [w, x, y, z] = (crc ^ u32::from_be_bytes([a, b, c, d])).to_be_bytes();
        let first = share(15, w) ^ share(14, x) ^ share(13, y) ^ share(12, z);
        let second = share(11, e) ^ share(10, f) ^ share(9, g) ^ share(8, h);
        let third = share(7, i) ^ share(6, j) ^ share(5, k) ^ share(4, l);
        let fourth = share(3, m) ^ share(2, n) ^ share(1, o) ^ share(0, p);
        crc = (first ^ second) ^ (third ^ fourth);
    }
    for &byte in rest {
        crc = single(crc, byte);
    }
    let mut size = data.len() as u64;
    while size != 0 {
        crc = single(crc, size as u8);
        size >>= 8;
    }
    !crc
}

#[inline(always)]
fn single(crc: u32, byte: u8) -> u32 {
    (crc << 8) ^ share(0, (crc >> 24) as u8 ^ byte)
}
