//! The chart of a state document, to look at: `cargo run -p brief --example chart STATE.json chart.png`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(document), Some(picture)) = (arguments.next(), arguments.next()) else {
        return Err("give a state document and the PNG file to write".into());
    };
    let state = serde_json::from_slice(&std::fs::read(document)?)?;
    let png = brief::chart::png(&state).ok_or("the document holds no series to draw")?;
    Ok(std::fs::write(picture, png)?)
}
