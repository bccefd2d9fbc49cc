//! Files made to take long, by their names.
#![allow(dead_code, reason = "who uses them needs some")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen here"
)]

/// A file that is made when it is wanted.
pub struct Hostile {
    pub name: String,
    pub make: Box<dyn Fn() -> Vec<u8>>,
}

fn hostile(name: impl Into<String>, make: impl Fn() -> Vec<u8> + 'static) -> Hostile {
    Hostile { name: name.into(), make: Box::new(make) }
}

/// A picture's longest side here: 2²⁷ pixels are as many as the limits allow.
const WIDE: u16 = 11_584;

/// Every kind of file that is known to be slow to read for its length, of about `bytes` bytes where that is what makes it
/// slow.
pub fn all(bytes: usize) -> Vec<Hostile> {
    let mut all = Vec::new();
    let small = || (Picture { side: 16, sampling: vec![0x11] }).baseline(|bits| bits.repeat(0, 2, 4));
    let floods: [(&str, &[u8]); 16] = [
        ("empty APP1", b"\xff\xe1\0\x02"),
        ("Exif APP1", b"\xff\xe1\0\x08Exif\0\0"),
        ("XMP APP1", b"\xff\xe1\0\x1fhttp://ns.adobe.com/xap/1.0/\0"),
        ("empty APP0", b"\xff\xe0\0\x02"),
        ("empty APP2", b"\xff\xe2\0\x02"),
        ("empty APP14", b"\xff\xee\0\x02"),
        ("empty COM", b"\xff\xfe\0\x02"),
        ("empty DNL", b"\xff\xdc\0\x02"),
        ("empty DHT", b"\xff\xc4\0\x02"),
        ("empty DQT", b"\xff\xdb\0\x02"),
        ("DRI", b"\xff\xdd\0\x04\0\0"),
        ("DAC", b"\xff\xcc\0\x04\0\0"),
        ("RST", b"\xff\xd0"),
        ("FF 00", b"\xff\0"),
        ("FF", b"\xff"),
        ("stray bytes before RST", b"\0\xff\xd0"),
    ];
    for (name, unit) in floods {
        let flood = move || unit.repeat(bytes / unit.len());
        all.push(hostile(format!("{name} before the frame"), move || {
            let file = small();
            [&file[..2], &flood(), &file[2..]].concat()
        }));
        all.push(hostile(format!("{name} before the scan"), move || {
            let file = small();
            let scan = position(&file, 0xda);
            [&file[..scan], &flood(), &file[scan..]].concat()
        }));
        all.push(hostile(format!("{name} after the scan"), move || {
            let file = small();
            let end = file.len() - 2;
            [&file[..end], &flood(), &file[end..]].concat()
        }));
    }
    for (name, marker) in [("APP1", 0xe1), ("COM", 0xfe), ("APP2", 0xe2)] {
        all.push(hostile(format!("longest {name}"), move || {
            let file = small();
            let segment = segment(marker, &vec![b'x'; 65_533]);
            [&file[..2], &segment.repeat(bytes / segment.len() + 1), &file[2..]].concat()
        }));
    }
    all.extend(huffman(bytes));
    all.extend(progressive());
    all.extend(arithmetic());
    all
}

fn huffman(bytes: usize) -> Vec<Hostile> {
    let of = |side, sampling: &[u8]| Picture { side, sampling: sampling.to_vec() };
    let gray = move || of(WIDE, &[0x11]);
    let inks = move || of(WIDE, &[0x11; 4]);
    // A DC of no bits, then nine times a code of one bit, for six zeros and a coefficient, and a bit for one or minus one: a
    // block has something in many columns, in few bits.
    let spread = move |side: u16, sampling: &[u8], code_and_value: u32| {
        of(side, sampling).coded(&[0x61], move |bits, blocks| {
            for _ in 0..blocks {
                bits.put(0, 1);
                bits.repeat(code_and_value, 2, 9);
            }
        })
    };
    vec![
        hostile("gray, nine coefficients a block", move || spread(WIDE, &[0x11], 0b01)),
        hostile("3 components, nine coefficients a block", move || spread(WIDE, &[0x11; 3], 0b01)),
        hostile("4 components, nine coefficients a block", move || spread(8000, &[0x11; 4], 0b00)),
        hostile("clamped: gray, nine coefficients a block", move || large(spread(WIDE, &[0x11], 0b01))),
        hostile("clamped: 4:4:4, nine coefficients a block", move || large(spread(6000, &[0x11; 3], 0b01))),
        hostile("clamped: 4:2:0, nine coefficients a block", move || large(spread(8000, &[0x22, 0x11, 0x11], 0b01))),
        hostile("clamped: inks, one in full, nine coefficients a block", move || {
            large(spread(6000, &[0x22, 0x11, 0x11, 0x11], 0b01))
        }),
        hostile("gray, two bits a block", move || gray().baseline(|bits| bits.repeat(0, 2, gray().blocks()))),
        hostile("4 components, two bits a block", move || inks().baseline(|bits| bits.repeat(0, 2, inks().blocks()))),
        hostile("two bits a coefficient", move || {
            // A DC of no bits, then 63 times a code of one bit and a value of one.
            let blocks = bytes * 8 / 127;
            let side = (blocks as f64).sqrt() as u16 * 8;
            of(side, &[0x11]).coded(&[0x01], |bits, blocks| {
                for _ in 0..blocks {
                    bits.put(0, 1);
                    bits.repeat(0b01, 2, 63);
                }
            })
        }),
        hostile("damaged: nothing after the header", move || gray().baseline(|_| {})),
        hostile("damaged: 4 components, nothing after the header", move || inks().baseline(|_| {})),
        hostile("damaged: 4 components, restarts that are not there", move || {
            let file = inks().baseline(|_| {});
            let scan = position(&file, 0xda);
            [&file[..scan], &segment(0xdd, &[0, 1]), &file[scan..]].concat()
        }),
        hostile("damaged: restarts of any number", move || {
            let file = gray().baseline(|_| {});
            let scan = position(&file, 0xda);
            let restarts: Vec<u8> = (0..bytes / 2).flat_map(|at| [0xff, 0xd0 + (at * 3 % 8) as u8]).collect();
            let end = file.len() - 2;
            [&file[..scan], &segment(0xdd, &[0, 1]), &file[scan..end], &restarts, &file[end..]].concat()
        }),
        hostile("damaged: codes that are none", move || {
            let file = gray().baseline(|_| {});
            let end = file.len() - 2;
            [&file[..end], &b"\xff\0".repeat(bytes / 2), &file[end..]].concat()
        }),
    ]
}

/// The same file with the largest quantisation steps, by which samples are far out of their range.
fn large(mut file: Vec<u8>) -> Vec<u8> {
    let steps = position(&file, 0xdb) + 5;
    file[steps..steps + 64].fill(u8::MAX);
    file
}

const GRAY: &[u8] = &[0x11];
const INKS: &[u8] = &[0x11; 4];

fn progressive() -> Vec<Hostile> {
    let passes = |sampling: &'static [u8], scans: usize, parameters: fn(usize) -> [u8; 3]| {
        move || {
            let picture = Picture { side: WIDE, sampling: sampling.to_vec() };
            // One code of one bit: a run of as many empty bands as there can be.
            picture.scans(0xc2, &[0xe0], |file| {
                file.scan(&picture.components(), [0, 0, 0], |bits| bits.repeat(0, 1, picture.blocks()));
                for number in 0..scans {
                    let component = number % sampling.len();
                    let run = |bits: &mut Bits| bits.repeat(0x3fff, 15, picture.blocks() / 32_767 + 1);
                    file.scan(&[component as u8], parameters(number / sampling.len()), run);
                }
            })
        }
    };
    let one_band = |number: usize| [1 + (number / 14 % 63) as u8, 1 + (number / 14 % 63) as u8, shifts(number % 14)];
    let wide_band = |number: usize| [1, 63, shifts(number % 14)];
    vec![
        hostile("gray, 499 scans of a coefficient", passes(GRAY, 499, one_band)),
        hostile("4 components, 499 scans of a coefficient", passes(INKS, 499, one_band)),
        hostile("gray, 14 scans of all coefficients", passes(GRAY, 14, wide_band)),
        hostile("4 components, 56 scans of all coefficients", passes(INKS, 56, wide_band)),
        hostile("damaged: gray, 499 scans of all coefficients", passes(GRAY, 499, wide_band)),
        hostile("damaged: 4 components, 499 scans of all coefficients", passes(INKS, 499, wide_band)),
    ]
}

/// Ah and Al of a coefficient's scan of this number: 13 bits below are left out, then fewer.
fn shifts(number: usize) -> u8 {
    let low = 13 - number as u8;
    if number == 0 { low } else { (low + 1) << 4 | low }
}

fn arithmetic() -> Vec<Hostile> {
    let mut all = Vec::new();
    for (name, frame) in [("arithmetic", 0xc9), ("progressive arithmetic", 0xca)] {
        for seed in 0..4 {
            all.push(hostile(format!("{name}, random bytes {seed}"), move || {
                let picture = Picture { side: WIDE, sampling: vec![0x11] };
                picture.scans(frame, &[], |file| {
                    let parameters = if frame == 0xc9 { [0, 63, 0] } else { [0, 0, 0] };
                    file.scan(&picture.components(), parameters, |bits| bits.random(seed, 100_000));
                    if frame == 0xca {
                        file.scan(&[0], [1, 63, 0], |bits| bits.random(seed, 100_000));
                    }
                })
            }));
        }
    }
    all
}

/// What a file says of its picture: a square of this side, and its components' sampling factors.
pub struct Picture {
    pub side: u16,
    pub sampling: Vec<u8>,
}

impl Picture {
    fn components(&self) -> Vec<u8> {
        (0..self.sampling.len()).map(|index| index as u8).collect()
    }

    /// Blocks of all components, where they are sampled alike.
    pub fn blocks(&self) -> usize {
        usize::from(self.side).div_ceil(8).pow(2) * self.sampling.len()
    }

    /// A file of one scan whose codes have one bit: no difference for a DC, the end of a block for an AC.
    pub fn baseline(&self, data: impl Fn(&mut Bits)) -> Vec<u8> {
        self.coded(&[0x00], |bits, _| data(bits))
    }

    fn coded(&self, symbol: &[u8], data: impl Fn(&mut Bits, usize)) -> Vec<u8> {
        self.scans(0xc0, symbol, |file| file.scan(&self.components(), [0, 63, 0], |bits| data(bits, self.blocks())))
    }

    /// A file of these scans, whose DC code has one word of one bit, for no difference, and whose AC code has one, too.
    pub fn scans(&self, frame: u8, symbol: &[u8], scans: impl Fn(&mut File)) -> Vec<u8> {
        let mut file = File(vec![0xff, 0xd8]);
        file.0.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
        let [high, low] = self.side.to_be_bytes();
        let components = self.sampling.iter().zip(0..).flat_map(|(&factors, id)| [id, factors, 0]);
        let header = [8, high, low, high, low, self.sampling.len() as u8];
        file.0.extend(segment(frame, &header.into_iter().chain(components).collect::<Vec<_>>()));
        for (table, symbol) in [(0x00, 0)].into_iter().chain(symbol.iter().map(|&symbol| (0x10, symbol))) {
            let counts = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            file.0.extend(segment(0xc4, &[&[table][..], &counts, &[symbol]].concat()));
        }
        scans(&mut file);
        file.0.extend([0xff, 0xd9]);
        file.0
    }
}

pub struct File(Vec<u8>);

impl File {
    /// A scan of these components; the parameters are first and last coefficient, and both shifts.
    pub fn scan(&mut self, components: &[u8], [first, last, shifts]: [u8; 3], data: impl Fn(&mut Bits)) {
        let components_and_tables = components.iter().flat_map(|&id| [id, 0]);
        let header = [components.len() as u8].into_iter().chain(components_and_tables).chain([first, last, shifts]);
        self.0.extend(segment(0xda, &header.collect::<Vec<_>>()));
        let mut bits = Bits { bytes: Vec::new(), pending: 0, held: 0 };
        data(&mut bits);
        bits.finish();
        for byte in bits.bytes {
            self.0.push(byte);
            if byte == 0xff {
                self.0.push(0);
            }
        }
    }
}

/// Bits of a scan.
pub struct Bits {
    bytes: Vec<u8>,
    pending: u32,
    held: u32,
}

impl Bits {
    pub fn put(&mut self, value: u32, count: u32) {
        self.pending = self.pending << count | value;
        self.held += count;
        while self.held >= 8 {
            self.held -= 8;
            self.bytes.push((self.pending >> self.held) as u8);
        }
        self.pending &= (1 << self.held) - 1;
    }

    pub fn repeat(&mut self, value: u32, count: u32, times: usize) {
        (0..times).for_each(|_| self.put(value, count));
    }

    /// Bytes that look random (xorshift).
    fn random(&mut self, seed: u64, count: usize) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for _ in 0..count {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            self.put((state >> 32) as u32 & 0xff, 8);
        }
    }

    /// Fills the last byte up with ones.
    fn finish(&mut self) {
        while self.held > 0 {
            self.put(1, 1);
        }
    }
}

pub fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).expect("a segment's length");
    [&[0xff, marker][..], &length.to_be_bytes(), data].concat()
}

fn position(file: &[u8], marker: u8) -> usize {
    file.windows(2).position(|pair| pair == [0xff, marker]).expect("the marker")
}
