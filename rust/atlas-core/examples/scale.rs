use atlas_core::bytes::{Bytes, Mode};
use atlas_core::cache::{CacheGroup, scavenge};
use atlas_core::schema::Policy;
use std::time::Instant;
fn rss() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .find(|l| l.starts_with("VmRSS"))
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mode = if std::env::args().nth(2).is_some() { Mode::Copy } else { Mode::Map };
    let path = std::path::Path::new(&path);
    let r0 = rss();
    let mut best = [f64::MAX; 3];
    for round in 0..30 {
        let t = Instant::now();
        let group = CacheGroup::open(path, &mut |p| Bytes::open(p, mode)).unwrap();
        let t1 = t.elapsed();
        let known = scavenge(&group, mode, Policy::default()).unwrap();
        let t2 = t.elapsed();
        if round == 0 {
            println!("open rss +{} kB", rss() - r0);
        }
        let n = known.columns().segments.len();
        let t3 = t.elapsed();
        if round == 0 {
            println!("list rss +{} kB, {} images, {n} segments", rss() - r0, known.image_count());
        }
        for (b, t) in best.iter_mut().zip([t1, t2, t3]) {
            *b = b.min(t.as_secs_f64() * 1e3);
        }
    }
    println!("open {:.3} scavenge {:.3} list {:.3} ms", best[0], best[1], best[2]);
}
