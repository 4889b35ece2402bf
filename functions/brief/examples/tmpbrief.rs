#![allow(missing_docs, unused, clippy::all)]
fn main(){ let p:Vec<String>=std::env::args().collect(); let s: incident::State=serde_json::from_slice(&std::fs::read(&p[1]).unwrap()).unwrap();
 let c=brief::content::Content::new(incident::brief::Stage::Final,&s,&[]); println!("{}",brief::text::render(&c)); 
 if p.len()>2 { let (b,cut)=brief::blocks::render(&c,12000); println!("cut {cut}"); for x in b { println!("{}", x["text"]["text"].as_str().unwrap_or(&x.to_string())); } } }
