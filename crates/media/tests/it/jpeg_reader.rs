//! Reads the quantised coefficients of a JPEG with Huffman codes, baseline or progressive.
//!
//! Written from ITU-T T.81 alone, and with nothing in common with the program's own way through libjpeg, so that the two
//! cannot be wrong in the same way. It knows whole and correct files only.

/// One component: a plane of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    pub(crate) id: u8,
    /// Sampling factors, horizontal and vertical.
    pub(crate) sampling: (usize, usize),
    /// Columns and rows of blocks that the picture needs.
    pub(crate) size: (usize, usize),
    /// Steps of the quantisation, in zigzag order.
    pub(crate) table: [u16; 64],
    /// Row by row, in zigzag order, with the blocks that only fill the last units up.
    blocks: Vec<[i32; 64]>,
    /// Blocks in a row of `blocks`.
    stride: usize,
    /// The number of the table, until the first scan, which makes it final.
    table_number: Option<usize>,
}

impl Plane {
    pub(crate) fn block(&self, column: usize, row: usize) -> &[i32; 64] {
        &self.blocks[row * self.stride + column]
    }

    /// The mean of the samples of a block, 0 to 255 and a little beyond.
    pub(crate) fn mean(&self, column: usize, row: usize) -> f32 {
        (self.block(column, row)[0] * i32::from(self.table[0])) as f32 / 8.0 + 128.0
    }

    /// Whether all samples of a block are the same.
    pub(crate) fn is_even(&self, column: usize, row: usize) -> bool {
        self.block(column, row)[1..].iter().all(|value| *value == 0)
    }
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) size: (usize, usize),
    /// The marker of the frame.
    pub(crate) frame: u8,
    pub(crate) planes: Vec<Plane>,
    /// The largest sampling factors, horizontal and vertical.
    pub(crate) sampling_max: (usize, usize),
    pub(crate) restart_interval: usize,
    /// Components of each scan.
    pub(crate) scans: Vec<usize>,
    /// Marker and payload of each segment before the first scan.
    pub(crate) segments: Vec<(u8, Vec<u8>)>,
}

impl File {
    /// The pixels that a block covers: columns and rows, not clipped to the picture.
    pub(crate) fn pixels(&self, plane: &Plane, column: usize, row: usize) -> [std::ops::Range<usize>; 2] {
        let range = |block: usize, factor: usize, max: usize| {
            block * 8 * max / factor..((block + 1) * 8 * max).div_ceil(factor)
        };
        [
            range(column, plane.sampling.0, self.sampling_max.0),
            range(row, plane.sampling.1, self.sampling_max.1),
        ]
    }
}

/// A table of codes (annex C): for each length the first code, the first index and how many there are.
#[derive(Clone, Default)]
struct Codes {
    lengths: Vec<(u32, usize, usize)>,
    symbols: Vec<u8>,
}

impl Codes {
    fn new(counts: &[u8], symbols: &[u8]) -> Self {
        let (mut code, mut index) = (0u32, 0);
        let lengths = counts.iter().map(|count| {
            let count = usize::from(*count);
            let length = (code, index, count);
            code = (code + count as u32) << 1;
            index += count;
            length
        });
        Self {
            lengths: lengths.collect(),
            symbols: symbols.to_vec(),
        }
    }

    fn read(&self, bits: &mut Bits<'_>) -> u8 {
        let mut code = 0;
        for (first, index, count) in &self.lengths {
            code = code << 1 | bits.bit();
            if code >= *first && ((code - first) as usize) < *count {
                return self.symbols[index + (code - first) as usize];
            }
        }
        panic!("a code of more than 16 bits");
    }
}

/// Entropy-coded bits (F.2.2.5).
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
    byte: u8,
    left: u32,
}

impl Bits<'_> {
    fn bit(&mut self) -> u32 {
        if self.left == 0 {
            self.byte = self.bytes[self.position];
            self.position += 1;
            if self.byte == 0xFF {
                assert_eq!(self.bytes[self.position], 0, "a marker inside of a scan");
                self.position += 1;
            }
            self.left = 8;
        }
        self.left -= 1;
        u32::from(self.byte >> self.left) & 1
    }

    fn bits(&mut self, count: u8) -> i32 {
        (0..count).fold(0, |value, _| value << 1 | self.bit() as i32)
    }

    /// A signed number of some bits (F.2.2.1).
    fn number(&mut self, count: u8) -> i32 {
        let value = self.bits(count);
        if count > 0 && value < 1 << (count - 1) {
            value - (1 << count) + 1
        } else {
            value
        }
    }

    /// Skips to what follows a restart marker, which must be there.
    fn restart(&mut self, number: usize) {
        self.left = 0;
        let marker = &self.bytes[self.position..self.position + 2];
        assert_eq!(marker, [0xFF, 0xD0 + (number % 8) as u8], "no restart marker");
        self.position += 2;
    }
}

/// What a scan says, and what it remembers from block to block.
struct Scan {
    first: usize,
    last: usize,
    high: u8,
    low: u8,
    end_of_band: usize,
}

impl Scan {
    fn block(
        &mut self,
        block: &mut [i32; 64],
        bits: &mut Bits<'_>,
        dc: &Codes,
        ac: &Codes,
        previous: &mut i32,
    ) {
        if self.first == 0 {
            if self.high == 0 {
                let size = dc.read(bits);
                *previous += bits.number(size);
                block[0] = *previous << self.low;
            } else {
                block[0] |= bits.bits(1) << self.low;
            }
        }
        if self.last == 0 {
            return;
        }
        if self.high == 0 {
            self.first_pass(block, bits, ac);
        } else {
            self.refinement(block, bits, ac);
        }
    }

    /// F.2.2.2 and G.1.2.2.
    fn first_pass(&mut self, block: &mut [i32; 64], bits: &mut Bits<'_>, ac: &Codes) {
        if self.end_of_band > 0 {
            self.end_of_band -= 1;
            return;
        }
        let mut k = self.first.max(1);
        while k <= self.last {
            let symbol = ac.read(bits);
            let (run, size) = (usize::from(symbol >> 4), symbol & 15);
            match (run, size) {
                (15, 0) => k += 16,
                (_, 0) => {
                    self.end_of_band = (1 << run) - 1 + bits.bits(run as u8) as usize;
                    return;
                }
                _ => {
                    k += run;
                    block[k] = bits.number(size) << self.low;
                    k += 1;
                }
            }
        }
    }

    /// G.1.2.3.
    fn refinement(&mut self, block: &mut [i32; 64], bits: &mut Bits<'_>, ac: &Codes) {
        let bit = 1 << self.low;
        let refine = |value: &mut i32, bits: &mut Bits<'_>| {
            if bits.bit() == 1 {
                *value += value.signum() * bit;
            }
        };
        let mut k = self.first;
        if self.end_of_band == 0 {
            while k <= self.last {
                let symbol = ac.read(bits);
                let (mut run, size) = (usize::from(symbol >> 4), symbol & 15);
                let mut new = 0;
                if size == 1 {
                    new = if bits.bit() == 1 { bit } else { -bit };
                } else if run < 15 {
                    self.end_of_band = (1 << run) + bits.bits(run as u8) as usize;
                    break;
                }
                while k <= self.last {
                    if block[k] != 0 {
                        refine(&mut block[k], bits);
                    } else if run == 0 {
                        block[k] = new;
                        k += 1;
                        break;
                    } else {
                        run -= 1;
                    }
                    k += 1;
                }
            }
        }
        if self.end_of_band > 0 {
            for value in &mut block[k..=self.last] {
                if *value != 0 {
                    refine(value, bits);
                }
            }
            self.end_of_band -= 1;
        }
    }
}

/// Reads a file.
pub(crate) fn read(bytes: &[u8]) -> File {
    let mut reader = Reader {
        bytes,
        position: 0,
        file: File::default(),
        tables: [[0; 64]; 4],
        codes: Default::default(),
    };
    while reader.segment() {}
    reader.file
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    file: File,
    tables: [[u16; 64]; 4],
    /// For direct and for alternating coefficients.
    codes: [[Codes; 4]; 2],
}

fn word(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

impl Reader<'_> {
    /// Reads a segment, and the scan that follows its header; false at the end of the image.
    fn segment(&mut self) -> bool {
        assert_eq!(self.bytes[self.position], 0xFF, "no marker");
        let marker = self.bytes[self.position + 1];
        self.position += 2;
        match marker {
            0xD8 => return true,
            0xD9 => return false,
            _ => {}
        }
        let length = word(&self.bytes[self.position..]);
        let payload = self.bytes[self.position + 2..self.position + length].to_vec();
        self.position += length;
        match marker {
            0xC0..=0xC2 => self.frame(marker, &payload),
            0xC4 => self.codes(&payload),
            0xDB => self.tables(&payload),
            0xDD => self.file.restart_interval = word(&payload),
            0xDA => self.scan(&payload),
            0xE0..=0xEF | 0xFE => {}
            _ => panic!("marker {marker:x}"),
        }
        if self.file.scans.is_empty() {
            self.file.segments.push((marker, payload));
        }
        true
    }

    fn tables(&mut self, mut rest: &[u8]) {
        while let [head, tail @ ..] = rest {
            let wide = usize::from(head >> 4) + 1;
            let table = &mut self.tables[usize::from(head & 15)];
            for (step, bytes) in table.iter_mut().zip(tail.chunks(wide)) {
                *step = bytes.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
            }
            rest = &tail[64 * wide..];
        }
    }

    fn codes(&mut self, mut rest: &[u8]) {
        while let [head, tail @ ..] = rest {
            let count: usize = tail[..16].iter().map(|count| usize::from(*count)).sum();
            self.codes[usize::from(head >> 4)][usize::from(head & 15)] =
                Codes::new(&tail[..16], &tail[16..16 + count]);
            rest = &tail[16 + count..];
        }
    }

    fn frame(&mut self, marker: u8, payload: &[u8]) {
        let file = &mut self.file;
        file.frame = marker;
        file.size = (word(&payload[3..]), word(&payload[1..]));
        let components: Vec<&[u8]> = payload[6..].chunks_exact(3).collect();
        let factors = |component: &[u8]| (usize::from(component[1] >> 4), usize::from(component[1] & 15));
        file.sampling_max = (
            components.iter().map(|c| factors(c).0).max().unwrap(),
            components.iter().map(|c| factors(c).1).max().unwrap(),
        );
        let (h_max, v_max) = file.sampling_max;
        let units = (file.size.0.div_ceil(8 * h_max), file.size.1.div_ceil(8 * v_max));
        for component in components {
            let (h, v) = factors(component);
            file.planes.push(Plane {
                id: component[0],
                sampling: (h, v),
                size: (
                    (file.size.0 * h).div_ceil(8 * h_max),
                    (file.size.1 * v).div_ceil(8 * v_max),
                ),
                table: [0; 64],
                table_number: Some(component[2].into()),
                blocks: vec![[0; 64]; units.0 * h * units.1 * v],
                stride: units.0 * h,
            });
        }
    }

    fn scan(&mut self, payload: &[u8]) {
        let count = usize::from(payload[0]);
        let rest = &payload[1 + 2 * count..];
        let mut scan = Scan {
            first: rest[0].into(),
            last: rest[1].into(),
            high: rest[2] >> 4,
            low: rest[2] & 15,
            end_of_band: 0,
        };
        let mut parts = vec![];
        for selector in payload[1..1 + 2 * count].chunks_exact(2) {
            let index = self.file.planes.iter().position(|plane| plane.id == selector[0]);
            parts.push((index.unwrap(), selector[1] >> 4, selector[1] & 15));
        }
        for (index, ..) in &parts {
            let plane = &mut self.file.planes[*index];
            if let Some(number) = plane.table_number.take() {
                plane.table = self.tables[number];
            }
        }
        self.file.scans.push(count);
        let mut bits = Bits {
            bytes: self.bytes,
            position: self.position,
            byte: 0,
            left: 0,
        };
        let (codes, file) = (&self.codes, &mut self.file);
        let mut previous = [0; 4];
        let units = match parts[..] {
            [(index, ..)] => file.planes[index].size,
            _ => (
                file.size.0.div_ceil(8 * file.sampling_max.0),
                file.size.1.div_ceil(8 * file.sampling_max.1),
            ),
        };
        for unit in 0..units.0 * units.1 {
            if file.restart_interval > 0 && unit > 0 && unit % file.restart_interval == 0 {
                bits.restart(unit / file.restart_interval - 1);
                (previous, scan.end_of_band) = ([0; 4], 0);
            }
            for ((index, dc, ac), previous) in parts.iter().zip(&mut previous) {
                let plane = &mut file.planes[*index];
                // A scan of one component has units of one block (A.2.2).
                let (h, v) = if parts.len() == 1 { (1, 1) } else { plane.sampling };
                for i in 0..h * v {
                    let (column, row) = (unit % units.0 * h + i % h, unit / units.0 * v + i / h);
                    let block = &mut plane.blocks[row * plane.stride + column];
                    let (dc, ac) = (&codes[0][usize::from(*dc)], &codes[1][usize::from(*ac)]);
                    scan.block(block, &mut bits, dc, ac, previous);
                }
            }
        }
        self.position = bits.position;
    }
}
