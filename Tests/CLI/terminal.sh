#!/usr/bin/env bash
# Ctrl-C at a terminal: an answer stops and the chat goes on; pressed twice at the prompt it leaves.
set -euo pipefail
# shellcheck source=Tests/CLI/support/kinglet.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/kinglet.bash"
terminal=$source_root/Tests/CLI/support/terminal.py

# at_terminal ARGUMENT… -- STEP…
at_terminal() { run python3 "$terminal" "$kinglet" "$@"; }
ends() { [[ $status == 0 && $out == "exit $1" ]]; }

chat=(chat --model "$tiny" --template "$template" -n 2)
at_terminal "${chat[@]}" -- 'see=> ' 'type=hello\n' 'see=> ' 'type=\x03' see=leaves 'type=/history\n' \
  'see=user: hello' 'type=/exit\n'
expect 'Ctrl-C at the prompt does not leave' ends 0
at_terminal "${chat[@]}" -- 'see=> ' 'type=\x03' see=leaves 'type=\x03'
expect 'twice it does' ends 130
at_terminal "${chat[@]}" -- 'see=> ' 'type=\x04'
expect 'Ctrl-D leaves' ends 0
at_terminal generate --model "$tiny" - -- wait=0.5 'type=\x03'
expect 'Ctrl-C ends a wait for input' ends 130

model=$real_models/SmolLM2-135M-Instruct.Q4_1.gguf
if [[ -f $model ]]; then
  # The answer is sure to hold an article, the question is not.
  question='Tell very long stories.'
  at_terminal chat --model "$model" -- 'see=> ' "type=$question\\n" 'see= a ' 'type=\x03' 'see=(stopped)' \
    'type=/history\n' 'see=assistant: ' 'type=/exit\n'
  expect 'Ctrl-C stops the answer, not the program' ends 0
  at_terminal generate --model "$model" --chat -n 4000 "$question" -- 'see= a ' 'type=\x03'
  expect 'Ctrl-C ends a generation' ends 130
fi
finish
