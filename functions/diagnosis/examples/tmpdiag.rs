#![allow(missing_docs, unused, clippy::all)]
fn main(){ let p:Vec<String>=std::env::args().collect(); let mut s: incident::State=serde_json::from_slice(&std::fs::read(&p[1]).unwrap()).unwrap();
 let k=s.knowledge.take(); s.diagnosis=Some(diagnosis::diagnose(&s)); s.weighed=None; s.knowledge=k; if s.knowledge.is_some(){ s.weighed=Some(diagnosis::weigh(&s));} s.brief=None; s.draft=None;
 std::fs::write(&p[2],serde_json::to_vec(&s).unwrap()).unwrap(); }
