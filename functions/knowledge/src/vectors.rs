//! Vectors in memory: an exact scan, for at the size of a company's knowledge nothing cleverer is needed.
//!
//! A vector is kept as whole numbers of one byte and their scale, a quarter of the size; what that costs in rank is below what
//! the model itself cannot tell. They live in the embedded store's file and are read when the first question needs them,
//! and again after the file changed. (sqlite-vec would scan as fast, and has to be registered by unsafe code.)

use std::ops::Range;

use rusqlite::{Connection, params};

/// All vectors of a store, by row.
#[derive(Debug, Default)]
pub(crate) struct Vectors {
    /// Tells the state of the file that they were read from.
    state: Option<(i64, u64)>,
    rows: Vec<i64>,
    scales: Vec<f32>,
    values: Vec<i8>,
    width: usize,
}

/// A vector as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantised {
    scale: f32,
    values: Vec<i8>,
}

impl Quantised {
    /// The vector in steps of a 127th of its largest number.
    pub(crate) fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        Self { scale, values: vector.iter().map(|value| (value / scale).round() as i8).collect() }
    }
}

/// Keeps the vector of a row.
pub(crate) fn write(connection: &Connection, row: i64, vector: &[f32]) -> rusqlite::Result<()> {
    let Quantised { scale, values } = Quantised::of(vector);
    let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
    connection.prepare_cached("INSERT OR REPLACE INTO vectors VALUES (?1, ?2, ?3)")?.execute(params![
        row,
        f64::from(scale),
        bytes
    ])?;
    Ok(())
}

impl Vectors {
    /// Reads the file's vectors where it changed since they were read.
    pub(crate) fn refresh(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let others: i64 = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        let state = Some((others, connection.total_changes()));
        if self.state == state {
            return Ok(());
        }
        *self = Self { state, ..Self::default() };
        let mut statement = connection.prepare("SELECT row, scale, vector FROM vectors ORDER BY row")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let bytes = row.get_ref(2)?.as_blob()?;
            self.width = bytes.len();
            self.rows.push(row.get(0)?);
            self.scales.push(row.get::<_, f64>(1)? as f32);
            self.values.extend(bytes.iter().map(|byte| byte.cast_signed()));
        }
        Ok(())
    }

    /// The rows within `range` that are nearest to `question`, best first, at most `most`, with their cosine.
    pub(crate) fn nearest(&self, question: &[f32], range: Range<i64>, most: usize) -> Vec<(i64, f64)> {
        let question = Quantised::of(question);
        if self.width == 0 || question.values.len() != self.width {
            return Vec::new();
        }
        let from = self.rows.partition_point(|row| *row < range.start);
        let to = self.rows.partition_point(|row| *row < range.end);
        let mut scored: Vec<(i64, f64)> = (from..to)
            .map(|at| {
                let values = &self.values[at * self.width..(at + 1) * self.width];
                let product = dot(&question.values, values) as f32 * question.scale * self.scales[at];
                (self.rows[at], f64::from(product))
            })
            .collect();
        let order = |a: &(i64, f64), b: &(i64, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if scored.len() > most {
            scored.select_nth_unstable_by(most, order);
            scored.truncate(most);
        }
        scored.sort_unstable_by(order);
        scored
    }
}

/// In parts of a fixed length, which the compiler computes with the processor's widest registers: half the time of one loop.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    let times = |x: &i8, y: &i8| i32::from(*x) * i32::from(*y);
    let ((parts_a, rest_a), (parts_b, rest_b)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    let part = |(a, b): (&[i8; 32], &[i8; 32])| (0..32).map(|at| times(&a[at], &b[at])).sum::<i32>();
    let parts: i32 = parts_a.iter().zip(parts_b).map(part).sum();
    parts + rest_a.iter().zip(rest_b).map(|(x, y)| times(x, y)).sum::<i32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first_and_a_change_is_seen() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE vectors (row INTEGER PRIMARY KEY, scale REAL, vector BLOB)")
            .unwrap();
        let mut vectors = Vectors::default();
        vectors.refresh(&connection).unwrap();
        assert_eq!(vectors.nearest(&[1.0, 0.0], 0..10, 5), []);
        write(&connection, 1, &[1.0, 0.0]).unwrap();
        write(&connection, 2, &[0.6, 0.8]).unwrap();
        write(&connection, 30, &[0.8, 0.6]).unwrap();
        vectors.refresh(&connection).unwrap();
        let found = vectors.nearest(&[0.7, 0.714], 0..10, 5);
        assert_eq!(found.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 1]);
        assert!((found[0].1 - (0.6 * 0.7 + 0.8 * 0.714)).abs() < 0.01);
        assert_eq!(vectors.nearest(&[1.0, 0.0], 0..100, 1)[0].0, 1);
        assert_eq!(vectors.nearest(&[1.0], 0..100, 1), [], "a vector of another model meets none");
    }

    #[test]
    fn a_product_is_that_of_all_numbers() {
        let (a, b): (Vec<i8>, Vec<i8>) = (0..77).map(|n| (n - 30, 70 - n)).unzip();
        let expected: i32 = (0..77).map(|n| (n - 30) * (70 - n)).sum();
        assert_eq!(dot(&a, &b), expected);
    }
}
