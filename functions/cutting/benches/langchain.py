"""LangChain's splitter with tiktoken's exact counts over the files named on stdin, one a line: what `chunking.rs` compares itself with.

512 tokens with 64 overlap, by the separators of each file's language. Needs langchain-text-splitters and tiktoken (which fetches
its vocabulary once, into TIKTOKEN_CACHE_DIR where that is set). Prints one line of JSON a splitter.
"""
import json, os, sys, time

import tiktoken
from langchain_text_splitters import Language, RecursiveCharacterTextSplitter as Splitter

LANGUAGES = {".go": Language.GO, ".ts": Language.TS, ".tsx": Language.TS, ".js": Language.JS, ".jsx": Language.JS, ".md": Language.MARKDOWN, ".html": Language.HTML}
SIZE = {"chunk_size": 512, "chunk_overlap": 64}

encoding = tiktoken.get_encoding("cl100k_base")
files = [(os.path.splitext(path)[1], open(path, encoding="utf-8").read()) for path in sys.stdin.read().splitlines()]
size = sum(len(text.encode()) for _, text in files)


def count(text):
    return len(encoding.encode(text, disallowed_special=()))


plain = Splitter.from_tiktoken_encoder(encoding_name="cl100k_base", disallowed_special=(), **SIZE)
by_language = {end: Splitter.from_language(language, length_function=count, **SIZE) for end, language in LANGUAGES.items()}

for name, splitter in [("LangChain, by paragraphs", lambda end: plain), ("LangChain, by language", lambda end: by_language.get(end, plain))]:
    count("warm")
    begun = time.perf_counter()
    chunks = sum(len(splitter(end).split_text(text)) for end, text in files)
    speed = size / (time.perf_counter() - begun) / 1e6
    print(json.dumps({"what": name, "documents": len(files), "bytes": size, "chunks": chunks, "MB/s": round(speed, 2)}), flush=True)
