//! The coded data of a scan, gone over without making samples of it: only to see where it can't be
//! read (ITU-T T.81, F.2.2, G.1.2, H.2).

use std::ops::Range;

use super::super::ReferenceError;
use super::super::meter::Budget;
use super::frame::{Component, Frame, Process};

/// A Huffman table (C.2).
pub(super) struct Table {
    /// By the next 8 bits: how long the code is (0: longer than that), and what it stands for.
    short: [(u8, u8); 256],
    /// For codes of each length, what is to be subtracted for the place in `values`, and the first
    /// code that is too large, both in 16 bits.
    long: [(u32, u32); 17],
    values: Vec<u8>,
}

impl Table {
    /// `None` if the counts of codes of 1 to 16 bits allow no code.
    pub fn new(counts: &[u8; 16], values: &[u8]) -> Option<Self> {
        let mut table = Self { short: [(0, 0); 256], long: [(0, 0); 17], values: values.to_vec() };
        let (mut code, mut at) = (0, 0);
        for (length, &n) in (1..).zip(counts) {
            let n = u32::from(n);
            let shift = 16 - length;
            if (code + n) << shift > 1 << 16 {
                return None;
            }
            if length <= 8 {
                for i in 0..n {
                    let first = ((code + i) << (8 - length)) as usize;
                    let value = *values.get((at + i) as usize)?;
                    table.short[first..first + (1 << (8 - length))].fill((length as u8, value));
                }
            }
            table.long[length] = (code.wrapping_sub(at), (code + n) << shift);
            code = (code + n) << 1;
            at += n;
        }
        Some(table)
    }
}

/// The tables of DC and of AC coefficients.
#[derive(Default)]
pub(super) struct Tables {
    pub dc: [Option<Table>; 4],
    pub ac: [Option<Table>; 4],
}

impl Tables {
    /// Reads a segment of tables (B.2.4.2) behind its length. What is wrong in it is left to the decoder.
    pub fn read(&mut self, mut segment: &[u8]) -> Option<()> {
        while let [kind, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let n = counts.iter().map(|&n| usize::from(n)).sum();
            let (values, rest) = rest.split_at_checked(n)?;
            let tables = if kind >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *tables.get_mut(usize::from(kind & 15))? = Some(Table::new(counts, values)?);
            segment = rest;
        }
        Some(())
    }
}

/// Data that can't be read: no code, or none left.
#[derive(Debug)]
struct Bad;

/// The bits of coded data.
struct Bits<'a> {
    file: &'a [u8],
    /// The next byte that isn't in the buffer.
    at: usize,
    /// The next bits, from the highest one on.
    buffer: u64,
    n: u32,
}

impl Bits<'_> {
    /// Fills the buffer up to a marker, or the end of the file.
    #[inline]
    fn fill(&mut self) {
        while self.n <= 56 {
            let Some(&byte) = self.file.get(self.at) else { return };
            if byte == 0xFF {
                // A byte of 0 behind it says that it is no marker.
                if self.file.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.buffer |= u64::from(byte) << (56 - self.n);
            self.n += 8;
        }
    }

    #[inline]
    fn take(&mut self, n: u32) -> Result<u32, Bad> {
        if self.n < n {
            self.fill();
            if self.n < n {
                return Err(Bad);
            }
        }
        // Twice, as none may be asked for.
        let bits = (self.buffer >> 1 >> (63 - n)) as u32;
        self.buffer <<= n;
        self.n -= n;
        Ok(bits)
    }

    #[inline]
    fn code(&mut self, table: &Table) -> Result<u8, Bad> {
        if self.n < 16 {
            self.fill();
        }
        let (length, value) = table.short[(self.buffer >> 56) as usize];
        if length > 0 {
            self.take(length.into())?;
            return Ok(value);
        }
        let next = (self.buffer >> 48) as u32;
        let length = (9..=16).find(|&length| next < table.long[length].1).ok_or(Bad)?;
        let code = self.take(length as u32)?;
        let at = code.wrapping_sub(table.long[length].0);
        table.values.get(at as usize).copied().ok_or(Bad)
    }

    /// The place of the first byte that isn't used up.
    fn place(&self) -> usize {
        let mut at = self.at;
        for _ in 0..self.n / 8 {
            at -= if self.file[..at].ends_with(&[0xFF, 0]) { 2 } else { 1 };
        }
        at
    }
}

/// What a scan's header (B.2.3) says.
pub(super) struct Scan {
    /// Which components of the frame, and which tables of each.
    pub components: Vec<(usize, usize, usize)>,
    /// The coefficients, in their zigzag order.
    pub band: Range<usize>,
    /// Whether they were there before, and get one more bit.
    pub is_refinement: bool,
    /// Whether this is their last bit.
    pub is_last: bool,
}

impl Scan {
    /// Reads the segment, with its length in front. `None` if it is wrong.
    pub fn read(segment: &[u8], frame: &Frame) -> Option<Self> {
        let n = usize::from(*segment.get(2)?);
        let entries = segment.get(3..)?.as_chunks::<2>().0.get(..n)?;
        let &[first, last, bits, ..] = segment.get(3 + 2 * n..)? else { return None };
        let components: Option<Vec<_>> = entries
            .iter()
            .map(|&[id, tables]| {
                let component = frame.components.iter().position(|component| component.id == id)?;
                Some((component, usize::from(tables >> 4), usize::from(tables & 15)))
            })
            .collect();
        let (band, bits) = match frame.process {
            Process::Progressive => (usize::from(first)..usize::from(last) + 1, bits),
            Process::Sequential => (0..64, 0),
            Process::Lossless => (0..1, 0),
        };
        (n > 0 && band.start < band.end && band.end <= 64).then_some(Self {
            components: components?,
            band,
            is_refinement: bits >> 4 > 0,
            is_last: bits & 15 == 0,
        })
    }

    /// Blocks (of a lossless frame: samples) in a row and in a column of units, and how many units
    /// there are.
    fn units(&self, frame: &Frame) -> [usize; 2] {
        match self.components[..] {
            [(component, ..)] => frame.components[component].blocks,
            _ => frame.units,
        }
    }

    /// How many blocks it goes over.
    pub fn n_blocks(&self, frame: &Frame) -> u64 {
        let [across, down] = self.units(frame);
        let in_unit = match self.components[..] {
            [_] => 1,
            _ => self
                .components
                .iter()
                .map(|&(component, ..)| {
                    frame.components[component].h * frame.components[component].v
                })
                .sum(),
        };
        let samples = if frame.process == Process::Lossless { 64 } else { 1 };
        (across as u64 * down as u64 * in_unit as u64).div_ceil(samples)
    }

    /// Rows of the picture that units belong to.
    fn rows(&self, units: Range<usize>, frame: &Frame) -> Range<usize> {
        let across = self.units(frame)[0];
        let block = if frame.process == Process::Lossless { 1 } else { 8 };
        let height = match self.components[..] {
            [(component, ..)] => block * frame.v_max / frame.components[component].v,
            _ => block * frame.v_max,
        };
        let end = units.end.div_ceil(across) * height;
        units.start / across * height..end.min(frame.height)
    }
}

/// What of a scan can't be read.
#[derive(Debug)]
pub(super) struct Loss {
    /// Rows of the picture.
    pub rows: Range<usize>,
    /// Bytes of the file that the decoder must not see.
    pub bytes: Range<usize>,
    /// The first of the restart markers that it must see in their place, and how many.
    pub restarts: (usize, usize),
}

/// What was found in a scan.
pub(super) struct Walked {
    /// The place of the marker behind it, or the end of the file.
    pub end: usize,
    pub losses: Vec<Loss>,
    /// Whether there was more than it should have: so something in it was read wrong.
    pub has_more: bool,
}

/// Of each block of each component, which coefficients are there, in a progressive picture.
pub(super) struct Present(Vec<Vec<u64>>);

impl Present {
    pub fn new(frame: &Frame) -> Self {
        let [across, down] = match frame.process {
            Process::Progressive => frame.units,
            _ => [0, 0],
        };
        let of = |component: &Component| vec![0; across * component.h * down * component.v];
        Self(frame.components.iter().map(of).collect())
    }
}

/// A scan, as it is gone over.
pub(super) struct Walk<'a> {
    pub file: &'a [u8],
    pub frame: &'a Frame,
    pub scan: &'a Scan,
    pub tables: &'a Tables,
    /// Units between two restart markers; 0 if there are none.
    pub restart_interval: usize,
    pub present: &'a mut Present,
    pub budget: &'a Budget<'a>,
}

impl Walk<'_> {
    /// Goes over the data that begin at a place of the file.
    pub fn run(&mut self, start: usize) -> Result<Walked, ReferenceError> {
        let n_units = self.scan.units(self.frame).into_iter().product();
        let interval = if self.restart_interval == 0 { n_units } else { self.restart_interval };
        let n_intervals = n_units.div_ceil(interval);
        let mut losses = Vec::new();
        let mut place = start;
        let mut i = 0;
        loop {
            let (begin, end) = (i * interval, ((i + 1) * interval).min(n_units));
            let (unit, stop) = self.interval(begin..end, place)?;
            let mut next = next_marker(self.file, stop);
            let has_more =
                unit == end && self.file[stop..next].iter().any(|byte| !matches!(byte, 0 | 0xFF));
            let n_left = n_intervals - 1 - i;
            if let Some((at, n_missing)) = self.restart(next, i, n_left) {
                let from = if has_more { begin } else { unit };
                let to = (i + n_missing + 1) * interval;
                if from < to {
                    losses.push(self.loss(from..to, stop..at, (i, n_missing)));
                }
                i += n_missing + 1;
                place = at + 2;
                continue;
            }
            // Restart markers that don't belong here.
            while matches!(self.file.get(next + 1), Some(0xD0..=0xD7)) {
                next = next_marker(self.file, next + 2);
            }
            if unit < n_units {
                losses.push(self.loss(unit..n_units, stop..next, (i, n_left)));
            }
            return Ok(Walked { end: next, losses, has_more });
        }
    }

    /// The restart marker to go on at behind some interval, from the place of the first marker on:
    /// the one that fits with the fewest markers that are wrong, and restarts that are missing.
    /// Returns its place, and the number of the latter.
    fn restart(&self, first: usize, interval: usize, n_left: usize) -> Option<(usize, usize)> {
        let mut place = first;
        let mut best: Option<(usize, (usize, usize))> = None;
        for n_wrong in 0..8 {
            let Some(marker @ 0xD0..=0xD7) = self.file.get(place + 1) else { break };
            let n_missing = (usize::from(marker - 0xD0) + 8 - interval % 8) % 8;
            let cost = n_wrong + n_missing;
            if n_missing < n_left && best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, (place, n_missing)));
            }
            if best.is_some_and(|(least, _)| least <= n_wrong) {
                break;
            }
            place = next_marker(self.file, place + 2);
        }
        best.map(|(_, found)| found)
    }

    fn loss(&self, units: Range<usize>, bytes: Range<usize>, restarts: (usize, usize)) -> Loss {
        Loss { rows: self.scan.rows(units, self.frame), bytes, restarts }
    }

    /// Goes over the units between two restarts. Returns the first one that can't be read, and
    /// where its data begin; otherwise the end.
    fn interval(
        &mut self,
        units: Range<usize>,
        start: usize,
    ) -> Result<(usize, usize), ReferenceError> {
        let mut bits = Bits { file: self.file, at: start, buffer: 0, n: 0 };
        let mut run = 0;
        for unit in units.clone() {
            // A unit takes a microsecond at most.
            if unit % 1024 == 0 {
                self.budget.check()?;
            }
            let before = (bits.at, bits.n);
            if self.unit(unit, &mut bits, &mut run).is_err() {
                (bits.at, bits.n) = before;
                return Ok((unit, bits.place()));
            }
        }
        Ok((units.end, bits.place()))
    }

    fn unit(&mut self, unit: usize, bits: &mut Bits, run: &mut u32) -> Result<(), Bad> {
        let across = self.scan.units(self.frame)[0];
        let (x, y) = (unit % across, unit / across);
        let is_alone = self.scan.components.len() == 1;
        for &(component, dc, ac) in &self.scan.components {
            let Component { h, v, .. } = self.frame.components[component];
            let (h_unit, v_unit) = if is_alone { (1, 1) } else { (h, v) };
            let (dc, ac) = (table(&self.tables.dc, dc), table(&self.tables.ac, ac));
            for (row, column) in
                (0..v_unit).flat_map(|row| (0..h_unit).map(move |column| (row, column)))
            {
                if self.frame.process != Process::Progressive {
                    block(bits, dc, ac, self.scan.band.end)?;
                    continue;
                }
                let at = (y * v_unit + row) * self.frame.units[0] * h + x * h_unit + column;
                let present = &mut self.present.0[component][at];
                match (self.scan.band.start, self.scan.is_refinement) {
                    (0, true) => drop(bits.take(1)?),
                    (0, false) => block(bits, dc, ac, 1)?,
                    (_, true) => refine(bits, ac, self.scan.band.clone(), run, present)?,
                    (_, false) => band(bits, ac, self.scan.band.clone(), run, present)?,
                }
            }
        }
        Ok(())
    }
}

fn table(tables: &[Option<Table>], at: usize) -> Option<&Table> {
    tables.get(at)?.as_ref()
}

/// A block of coefficients up to an end, or a sample without loss.
#[inline]
fn block(bits: &mut Bits, dc: Option<&Table>, ac: Option<&Table>, end: usize) -> Result<(), Bad> {
    let n = bits.code(dc.ok_or(Bad)?)?;
    // 16 stands for a difference of 32768, without bits.
    bits.take(if n == 16 { 0 } else { n.into() })?;
    let mut at = 1;
    while at < end {
        let code = bits.code(ac.ok_or(Bad)?)?;
        match (code >> 4, code & 15) {
            (15, 0) => at += 16,
            (_, 0) => break,
            (zeros, n) => {
                at += usize::from(zeros) + 1;
                if at > end {
                    return Err(Bad);
                }
                bits.take(n.into())?;
            }
        }
    }
    Ok(())
}

/// The first bits of a band of coefficients.
fn band(
    bits: &mut Bits,
    ac: Option<&Table>,
    band: Range<usize>,
    run: &mut u32,
    present: &mut u64,
) -> Result<(), Bad> {
    if *run > 0 {
        *run -= 1;
        return Ok(());
    }
    let mut at = band.start;
    while at < band.end {
        let code = bits.code(ac.ok_or(Bad)?)?;
        match (code >> 4, code & 15) {
            (15, 0) => at += 16,
            (n, 0) => {
                *run = (1 << n) - 1 + bits.take(n.into())?;
                break;
            }
            (zeros, n) => {
                at += usize::from(zeros);
                if at >= band.end {
                    return Err(Bad);
                }
                bits.take(n.into())?;
                *present |= 1 << at;
                at += 1;
            }
        }
    }
    Ok(())
}

/// One more bit of a band of coefficients.
fn refine(
    bits: &mut Bits,
    ac: Option<&Table>,
    band: Range<usize>,
    run: &mut u32,
    present: &mut u64,
) -> Result<(), Bad> {
    let mut at = band.start;
    while at < band.end {
        let (mut zeros, mut is_new) = (64, false);
        if *run > 0 {
            *run -= 1;
        } else {
            match bits.code(ac.ok_or(Bad)?)? {
                code @ 0xF0 => zeros = code >> 4,
                code if code & 15 == 0 => {
                    let n = u32::from(code >> 4);
                    *run = (1 << n) - 1 + bits.take(n)?;
                }
                code if code & 15 == 1 => {
                    bits.take(1)?;
                    (zeros, is_new) = (code >> 4, true);
                }
                _ => return Err(Bad),
            }
        }
        while at < band.end {
            if *present >> at & 1 == 1 {
                bits.take(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            at += 1;
        }
        if is_new {
            if at >= band.end {
                return Err(Bad);
            }
            *present |= 1 << at;
        }
        at += 1;
    }
    Ok(())
}

/// The place of the next marker from a place on, or the end of the file.
pub(super) fn next_marker(file: &[u8], from: usize) -> usize {
    let rest = file.get(from..).unwrap_or_default();
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
    rest.windows(2).position(is_marker).map_or(file.len(), |at| from + at)
}
