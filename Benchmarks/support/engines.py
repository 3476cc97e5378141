#!/usr/bin/env python3
"""The engines that Kinglet is measured against, each in a process of its own: loads a file, warms up, measures once.

    python engines.py ENGINE --model FILE --threads 2 -p 512 -n 64      # prints one JSON object

Every engine gets the same token ids as `kinglet bench`. Prefill runs one prompt on an empty context; decode runs single
tokens after a prompt of one. "first" is the time from the import of the library to the logits of a first token, without the
start of Python.
"""
import argparse
import importlib.metadata
import json
import pathlib
import resource
import time


def tokens(count, vocabulary):
    """The same ids that `kinglet bench` runs."""
    return [(i * 7919 + 13) % vocabulary for i in range(count)]


def peak_memory():
    """Bytes; not from getrusage where it can be helped, whose figure begins with the size of the parent process."""
    try:
        for line in pathlib.Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def seconds(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def steps(evaluate, reset, ids, a):
    """Figures of an engine that is called token by token; the second pass of each kind counts."""
    for _ in range(2):
        reset()
        prefill = a.prompt / seconds(lambda: evaluate(ids[:a.prompt]))
    for _ in range(2):
        reset()
        evaluate(ids[:1])
        decode = a.generated / seconds(lambda: [evaluate([token]) for token in ids[1:a.generated + 1]])
    return {"prefill": prefill, "decode": decode}


def llama_cpp(a):
    start = time.perf_counter()
    from llama_cpp import Llama

    model = Llama(a.model, n_ctx=max(a.prompt, a.generated) + 8, n_batch=512, n_ubatch=512, n_threads=a.threads,
                  n_threads_batch=a.threads, verbose=False)
    ids = tokens(max(a.prompt, a.generated + 1), model.n_vocab())
    model.eval(ids[:1])
    first = time.perf_counter() - start
    return {"first": first, **steps(model.eval, model.reset, ids, a)}


def ik_llama_cpp(a):
    start = time.perf_counter()
    from ik_llama_cpp import _ctypes_api as api, _internals as ik

    model = ik.IkModel(a.model)
    # Its flash attention stops with an assertion on processors without AVX-VNNI, so the package leaves it out as well.
    context = ik.IkContext(model, n_ctx=max(a.prompt, a.generated) + 8, n_threads=a.threads, flash_attn=False)
    ids = tokens(max(a.prompt, a.generated + 1), api.llama_vocab_n_tokens(model.vocab))
    position = 0

    def evaluate(chunk):
        nonlocal position
        batch = ik.make_batch_range(chunk, pos_start=position)
        status = context.decode(batch)
        api.llama_batch_free(batch)
        if status != 0:
            raise RuntimeError(f"llama_decode returned {status}")
        position += len(chunk)

    def reset():
        nonlocal position
        context.kv_cache_clear()
        position = 0

    evaluate(ids[:1])
    first = time.perf_counter() - start
    return {"first": first, **steps(evaluate, reset, ids, a)}


def openvino(a):
    start = time.perf_counter()
    import numpy
    import openvino as ov
    import openvino_genai as genai

    scheduler = genai.SchedulerConfig()
    scheduler.enable_prefix_caching = False
    scheduler.max_num_batched_tokens = max(a.prompt, 256)
    pipeline = genai.LLMPipeline(a.model, "CPU", INFERENCE_NUM_THREADS=a.threads, scheduler_config=scheduler)

    def generate(ids, count):
        config = genai.GenerationConfig()
        config.max_new_tokens = count
        config.ignore_eos = True
        config.apply_chat_template = False
        return pipeline.generate(ov.Tensor(numpy.array([ids], dtype=numpy.int64)), config).perf_metrics

    ids = tokens(a.prompt, len(pipeline.get_tokenizer().get_vocab()))
    generate(ids[:1], 1)
    first = time.perf_counter() - start
    for _ in range(2):
        prefill = a.prompt / generate(ids, 1).get_ttft().mean * 1e3
    for _ in range(2):
        decode = 1e3 / generate(ids[:1], a.generated + 1).get_tpot().mean
    return {"first": first, "prefill": prefill, "decode": decode}


# Name, the package on PyPI, the module it brings, how it is measured, and whether it is built here, for this processor.
ENGINES = {
    "llama.cpp": ("llama-cpp-python", "llama_cpp", llama_cpp, True),
    "ik_llama.cpp": ("ik-llama-cpp-python", "ik_llama_cpp", ik_llama_cpp, True),
    "OpenVINO": ("openvino-genai", "openvino_genai", openvino, False),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--generated", type=int, default=64)
    a = parser.parse_args()
    package, _, measure, _ = ENGINES[a.engine]
    result = measure(a)
    print(json.dumps({**result, "memory": peak_memory(), "version": importlib.metadata.version(package)}))


if __name__ == "__main__":
    main()
