#!/usr/bin/env bash
# A folder, a store, and questions: what `kinglet rag` prints, and what it does with what goes wrong.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"

run "$kinglet" rag status none.sqlite
expect 'a store that is not there' complains 1 'rag add STORE'
run "$kinglet" rag search none.sqlite question
expect 'is not made by a search' complains 1 'there is no store'
expect 'really not' test ! -e none.sqlite
echo 'no database, but a text that is long enough to look like one' >text.sqlite
run "$kinglet" rag status text.sqlite
expect 'a file that is no store' complains 1 'text.sqlite'
run "$kinglet" rag add library.sqlite
expect 'nothing to add' misused 'paths'
run "$kinglet" rag search library.sqlite question --top 0
expect 'no hits wanted' misused '--top'
run "$kinglet" rag search library.sqlite question --mode nonsense
expect 'an unknown mode' misused 'nonsense'

if [[ ! -f $real_models/all-MiniLM-L6-v2/model.safetensors ]]; then
  echo 'the rest is skipped: it needs the model minilm'
  finish
  exit
fi
export KINGLET_MODELS=$real_models

mkdir -p docs/sub docs/.git
cat >docs/birds.md <<'MD'
# Birds

Small birds are light.

## Kinglets

The goldcrest weighs six grams and is the smallest bird of Europe.

## Storks

Storks nest on chimneys and clatter with their bills.
MD
printf 'Bridges rest on piers. The longest bridge of the county crosses the bay.\n' >docs/sub/bridges.txt
printf 'id,name,price\n1,Nut,0.5\n2,Bolt,0.75\n' >docs/parts.csv
printf 'binary\0file' >docs/picture.bin
printf 'hidden' >docs/.git/config

run "$kinglet" rag add library.sqlite docs --json
expect 'a folder is added' json 'len(o["added"]) == 3 and o["embedded"] > 3 and not o["failed"]'
expect 'a binary file is skipped and named' json 'len(o["skipped"]) == 1 and o["skipped"][0]["path"].endswith("picture.bin")'
run "$kinglet" rag search library.sqlite 'How heavy is the smallest bird?' --json
expect 'the best hit is right' json 'o["hits"][0]["document"].endswith("birds.md") and "goldcrest" in o["hits"][0]["text"]'
expect 'with its heading' json 'o["hits"][0]["heading"] == ["Birds", "Kinglets"]'
expect 'and its bytes in the file' json \
  'all(open(h["document"], "rb").read()[h["bytes"][0]:h["bytes"][1]].decode() == h["text"] for h in o["hits"] if h["matches_file"])'
expect 'and its lines' json \
  'all("\n".join(open(h["document"]).read().split("\n")[h["lines"][0] - 1:h["lines"][1]]) == h["text"] for h in o["hits"] if h["matches_file"] and h["document"].endswith("md"))'
expect 'every hit says why' json 'all(h["why"] and h["score"] is not None for h in o["hits"])'
for mode in dense keyword hybrid blend; do
  run "$kinglet" rag search library.sqlite 'storks chimneys' --mode $mode --top 1 --json
  expect "$mode finds the storks" json 'len(o["hits"]) == 1 and o["hits"][0]["heading"][-1] == "Storks"'
done
run "$kinglet" rag search library.sqlite 'price' --filter format=csv --filter 'price>0.6' --json
expect 'a filter' json '[h["row"] for h in o["hits"]] == [2] and o["hits"][0]["id"] == "2"'
run "$kinglet" rag search library.sqlite 'anything' --filter 'path=sub/*' --json
expect 'a filter by path' json 'len(o["hits"]) == 1 and o["hits"][0]["document"].endswith("bridges.txt")'
run "$kinglet" rag search library.sqlite 'x' --filter nonsense
expect 'a filter without a comparison' complains 1 'nonsense'
for query in '"' "a' OR 1=1 --" 'text:x*' 'NEAR(a b)' '*' '   '; do
  run "$kinglet" rag search library.sqlite "$query" --mode keyword --json
  expect "no query is a syntax error: $query" json 'isinstance(o["hits"], list)'
done

run "$kinglet" rag refresh library.sqlite --json
expect 'nothing has changed' json 'o["unchanged"] == 4 - 1 and o["embedded"] == 0 and not o["added"] and not o["removed"]'
sed -i 's/six grams/five grams/' docs/birds.md
mv docs/sub/bridges.txt docs/sub/crossings.txt
rm docs/parts.csv
printf 'Ferries cross the lake twice a day.\n' >docs/ferries.txt
run "$kinglet" rag refresh library.sqlite --json
expect 'an edited file' json '[p.split("/")[-1] for p in o["changed"]] == ["birds.md"]'
expect 'a moved file is not embedded again' json 'o["moved"][0]["note"].endswith("crossings.txt")'
expect 'a deleted file' json '[p.split("/")[-1] for p in o["removed"]] == ["parts.csv"]'
expect 'a new file' json '[p.split("/")[-1] for p in o["added"]] == ["ferries.txt"]'
expect 'only what is new is embedded' json 'o["embedded"] == 2 and o["reused"] > 0'
run "$kinglet" rag search library.sqlite 'five grams' --mode keyword --json
expect 'the new text is found' json 'len(o["hits"]) == 1'
run "$kinglet" rag search library.sqlite 'six' --mode keyword --json
expect 'the old one is not' json 'o["hits"] == []'

run "$kinglet" rag status library.sqlite --check --documents --json
expect 'the store is sound' json 'o["problems"] == [] and o["statistics"]["documents"] == 3 and len(o["documents"]) == 3'
expect 'and knows its model' json 'o["settings"]["model_name"] == "minilm" and o["settings"]["dimensions"] == 384'
run "$kinglet" rag add library.sqlite docs --chunk-size 100
expect 'other settings are refused with the remedy' complains 1 'make a new store'
run "$kinglet" rag export library.sqlite
expect 'an export has a line for each chunk' test "$(wc -l <"$work/out")" -ge 5
run "$kinglet" rag remove library.sqlite docs/ferries.txt --json
expect 'a file is removed' json 'len(o["removed"]) == 1'
run "$kinglet" rag refresh library.sqlite --json
expect 'and does not come back' json 'not o["added"]'
run "$kinglet" rag remove library.sqlite docs/none.txt
expect 'what is not there cannot be removed' complains 1 'nothing of this'

printf '{"id": 1, "text": "light birds"}\n{"id": 2, "text": "storks on chimneys"}\n' >queries.jsonl
printf 'query\tdoc\trelevance\n1\tbirds\t1\n2\tbirds.md\t1\n' >qrels.tsv
run "$kinglet" rag eval library.sqlite --queries queries.jsonl --qrels qrels.tsv --mode blend --json
expect 'an evaluation' json 'o["results"][0]["queries"] == 2 and o["results"][0]["recall@1"] == 1 and o["results"][0]["median_ms"] > 0'
mkdir bad && printf '{broken' >bad/a.json && printf 'A good text.' >bad/b.txt
run "$kinglet" rag add library.sqlite bad --json
expect 'a file that cannot be read is named, the others are added' \
  json 'len(o["failed"]) == 1 and "a.json" in o["failed"][0]["path"] and len(o["added"]) == 1'
expect 'and the exit code says so' exits 1

if [[ -f $real_models/SmolLM2-135M-Instruct.Q4_1.gguf ]]; then
  answered='o["sentences"] and o["citations"] and all(c["document"].endswith("birds.md") for c in o["citations"])'
  run "$kinglet" rag ask library.sqlite 'What does the goldcrest weigh?' --model smollm2 --temperature 0 --json
  expect 'an answer has sentences and sources' json "$answered"
  run "$kinglet" rag ask library.sqlite 'Which wine goes with grilled octopus in Lisbon?' --model smollm2 --threshold 0.9 --json
  expect 'nothing is said without a passage near the question' json 'o["is_abstention"] and not o["citations"]'
  feed 'What does the goldcrest weigh?\n\nWhere do storks nest?\n/exit\nnever asked\n' \
    "$kinglet" rag chat library.sqlite --model smollm2 --temperature 0 --json
  expect 'a chat prints an object a line' test "$(wc -l <"$work/out")" = 2
  head -n 1 "$work/out" >first && mv first "$work/out"
  expect 'which is an answer' json "$answered"
else
  echo 'answers are not tested: they need the model smollm2'
fi
finish
