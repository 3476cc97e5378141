import KingletEvaluation
import KingletTensors

private func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }

private func lines(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

extension Benchmark.Limits {
  fileprivate var sentence: String {
    "At most, with \(threads == 1 ? "1 thread" : "\(threads) threads"): read \(decimal(readRate, 1)) GB/s, "
      + "sgemm \(decimal(sgemmRate, 0)) GFLOP/s"
      + (ComputeOptions.blasAdvice.map { " (OpenBLAS \($0))" } ?? "")
      + (int8Rate.map { ", int8 \(decimal($0, 0)) Gop/s" } ?? "")
  }
}

extension MatmulComparison {
  /// A table for people.
  var markdown: String {
    let heads = [
      "weights", "shape", "tokens", "own kernels, Gop/s", "OpenBLAS, Gop/s", "own, GB/s", "auto takes", "right",
    ]
    let table = products.map { product in
      row([
        product.type, "\(product.rows) x \(product.columns)", "\(product.tokens)",
        decimal(product.simdRate.median, 1), product.blasRate.map { decimal($0.median, 1) } ?? "",
        decimal(product.simdReadRate, 1), product.autoTakesBlas ? "OpenBLAS" : "own",
        product.isAutoRight ? "yes" : "NO",
      ])
    }
    let head = ["\(model) on \(machine.processor), kernels: \(machine.instructionSet)", "", row(heads)]
    let rule = row(heads.indices.map { 2...5 ~= $0 ? "---:" : "---" })
    return lines(head + [rule] + table + ["", roofline.sentence])
  }
}

extension EncoderBenchmark {
  /// A table for people.
  var markdown: String {
    let heads = ["tokens a text", "texts at once", "threads", "texts/s", "slowest", "fastest", "tokens/s"]
    var text = [
      "\(model) on \(machine.processor), \(machine.cores) cores, kernels: \(machine.instructionSet)", "",
      row(heads), row(heads.map { _ in "---:" }),
    ]
    for test in tests {
      let rate = test.textsPerSecond
      text.append(
        row(
          ["\(test.length)", "\(test.batch)", "\(test.threads)"]
            + [rate.median, rate.min, rate.max, test.tokensPerSecond.median].map { decimal($0, 1) }))
    }
    return lines(text + ["", "load \(decimal(loadSeconds, 3)) s, peak memory \(byteCount(peakMemoryBytes))"])
  }
}

extension Benchmark {
  /// A table for people.
  var markdown: String {
    let shares = rooflines == nil ? [] : ["of memory read", "of sgemm", "of int8"]
    let heads = ["test", "threads", "tokens/s", "slowest", "fastest"] + shares
    var text = [
      "\(model) on \(machine.processor), \(machine.cores) cores, kernels: \(machine.instructionSet)", "",
      row(heads), row(heads.indices.map { $0 == 0 ? "---" : "---:" }),
    ]
    for test in tests {
      let rate = test.tokensPerSecond
      var cells = [test.name, "\(test.threads)"] + [rate.median, rate.min, rate.max].map { decimal($0, 1) }
      if rooflines != nil {
        cells += [test.shareOfRead, test.shareOfSgemm, test.shareOfInt8].map { $0.map { decimal($0, 2) } ?? "" }
      }
      text.append(row(cells))
    }
    text.append("")
    text += (rooflines ?? []).map(\.sentence)
    text.append(
      "load \(decimal(loadSeconds, 3)) s, first token after \(decimal(firstTokenSeconds, 3)) s, "
        + "peak memory \(byteCount(peakMemoryBytes))")
    return lines(text)
  }

  /// A line for each test, with what is known of the whole run repeated: for spreadsheets.
  var commaSeparated: String {
    let names = """
      model,test,threads,tokens_per_second,min,max,weight_bytes_per_token,matmul_flop_per_token,kv_bytes_per_token,\
      share_of_read,share_of_sgemm,share_of_int8,read_gb_per_s,sgemm_gflop_per_s,int8_gop_per_s,load_seconds,\
      first_token_seconds,peak_memory_bytes

      """
    return names
      + tests.map { test in
        let limits = rooflines?.first { $0.threads == test.threads }
        let rate = test.tokensPerSecond
        let numbers: [Double?] = [
          rate.median, rate.min, rate.max, Double(test.weightBytesPerToken), Double(test.matmulFlopPerToken),
          test.kvBytesPerToken.map(Double.init), test.shareOfRead, test.shareOfSgemm, test.shareOfInt8,
          limits?.readRate, limits?.sgemmRate, limits?.int8Rate, loadSeconds, firstTokenSeconds,
          Double(peakMemoryBytes),
        ]
        let cells = [quoted(model), test.name, "\(test.threads)"] + numbers.map { $0.map(plain) ?? "" }
        return cells.joined(separator: ",") + "\n"
      }.joined()
  }

  private func plain(_ value: Double) -> String { value == value.rounded() ? decimal(value, 0) : decimal(value, 5) }

  /// As RFC 4180 has it.
  private func quoted(_ text: String) -> String { "\"" + text.replacing("\"", with: "\"\"") + "\"" }
}
