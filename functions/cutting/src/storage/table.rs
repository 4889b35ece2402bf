//! Tables: rows of a Markdown table where every cell is a line of words, else each cell as what it holds.

use super::block::{Block, Kind, joined};

/// Columns and rows that one cell may stretch over: a page that says a million is not obeyed.
const MOST_SPAN: usize = 64;
/// Bytes of a cell that are repeated in every row it stretches over.
const REPEATED: usize = 200;

/// A cell.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub blocks: Vec<Block>,
    pub is_head: bool,
    pub columns: usize,
    pub rows: usize,
}

/// The blocks of a table.
pub(super) fn blocks(rows: Vec<Vec<Cell>>) -> Vec<Block> {
    let plain = rows
        .iter()
        .flatten()
        .all(|cell| cell.blocks.iter().all(|block| block.kind == Kind::Words && !block.text.contains('|')));
    let headed = rows.len() > 1 && rows.first().is_some_and(|row| row.iter().all(|cell| cell.is_head));
    let grid = grid(rows);
    if plain { as_table(&grid, headed) } else { as_blocks(grid, headed) }
}

/// The cells by column, with a place for every column and row that a cell stretches over.
fn grid(rows: Vec<Vec<Cell>>) -> Vec<Vec<Vec<Block>>> {
    let mut grid: Vec<Vec<Vec<Block>>> = Vec::new();
    // For each column: how many more rows it is taken, and by what.
    let mut taken: Vec<(usize, Vec<Block>)> = Vec::new();
    for row in rows {
        let mut line: Vec<Vec<Block>> = Vec::new();
        let from_above = |line: &mut Vec<Vec<Block>>, taken: &mut Vec<(usize, Vec<Block>)>| {
            while let Some((left, blocks)) = taken.get_mut(line.len()).filter(|(left, _)| *left > 0) {
                *left -= 1;
                line.push(blocks.clone());
            }
        };
        for cell in row {
            from_above(&mut line, &mut taken);
            let column = line.len();
            let (columns, rows) = (cell.columns.clamp(1, MOST_SPAN), cell.rows.clamp(1, MOST_SPAN));
            if taken.len() < column + columns {
                taken.resize(column + columns, (0, Vec::new()));
            }
            let short = cell.blocks.iter().map(|block| block.text.len()).sum::<usize>() <= REPEATED
                && cell.blocks.iter().all(|block| block.kind == Kind::Words);
            for (i, below) in taken[column..column + columns].iter_mut().enumerate() {
                *below = (rows - 1, if short && i == 0 { cell.blocks.clone() } else { Vec::new() });
            }
            line.push(cell.blocks);
            line.extend((1..columns).map(|_| Vec::new()));
        }
        from_above(&mut line, &mut taken);
        grid.push(line);
    }
    grid
}

fn as_table(grid: &[Vec<Vec<Block>>], headed: bool) -> Vec<Block> {
    let width = grid.iter().map(Vec::len).max().unwrap_or_default();
    let mut text = String::new();
    for (i, row) in grid.iter().enumerate() {
        let cells = (0..width).map(|column| row.get(column).map_or(String::new(), |blocks| words(blocks)));
        text.push_str(&format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")));
        if i == 0 && headed {
            text.push_str(&format!("|{}\n", " --- |".repeat(width)));
        }
    }
    if width == 0 {
        return Vec::new();
    }
    vec![Block::new(Kind::Structure, text.trim_end().to_owned())]
}

/// Row by row, each cell after the name of its column.
fn as_blocks(mut grid: Vec<Vec<Vec<Block>>>, headed: bool) -> Vec<Block> {
    let names: Vec<String> =
        if headed { grid.remove(0).iter().map(|blocks| words(blocks)).collect() } else { Vec::new() };
    let mut found = Vec::new();
    for row in grid {
        for (column, mut blocks) in row.into_iter().enumerate().filter(|(_, blocks)| !blocks.is_empty()) {
            let name = names.get(column).filter(|name| !name.is_empty());
            match (name, blocks.first_mut()) {
                (Some(name), Some(first)) if first.kind == Kind::Words => {
                    first.text = format!("{name}: {}", first.text);
                }
                (Some(name), _) => found.push(Block::new(Kind::Structure, format!("{name}:"))),
                _ => {}
            }
            found.extend(blocks.into_iter().map(|block| match block.kind {
                Kind::Words => Block { kind: Kind::Structure, ..block },
                _ => block,
            }));
        }
    }
    found
}

fn words(blocks: &[Block]) -> String {
    joined(blocks).split_whitespace().collect::<Vec<_>>().join(" ")
}
