// kernels: what each kernel reaches on this machine, by type of weights and shape, beside the machine's limits, which are
// measured between the kernels.

import ArgumentParser
import Foundation
import KingletQuants
import KingletTensors

@main
struct Kernels: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure kernels beside the limits of this machine.",
    discussion: """
      Examples:
        kernels                                 # every type of weights, the shapes of SmolLM2, Gemma 3 and Qwen2.5
        kernels --filter 'Q4_K 896' --threads 1
        KINGLET_ISA=avx2 kernels --filter attend --json

      One token at a time is bound by memory: compare its GB/s with the rate of reading. Many tokens are bound by
      arithmetic: compare their Gop/s with the rates of products. Before each pass the processor's caches are emptied;
      figures are medians.
      """)

  @Option(help: "Only what has all of these words in its name, such as `Q8_0 x576 @1`.")
  var filter = ""

  @Option(help: "Threads.")
  var threads = ThreadCount.available

  @Option(help: "Tokens at a time, besides one.")
  var tokens = 512

  @Option(help: "How often each kernel is run and counted, unless that takes longer than a second.")
  var repetitions = 5

  @Flag(help: "Print one JSON object for each kernel, a line each.")
  var json = false

  func validate() throws {
    guard threads > 0, repetitions > 0, 1...8192 ~= tokens else {
      throw ValidationError("--threads and --repetitions must be 1 or more, --tokens at most 8192")
    }
  }

  func run() throws {
    let table = try KernelTable.selected()
    let compute = Compute(options: .init(threads: threads), table: table)
    let probe = try RooflineProbe(table: table)
    if !json { print(Result.heading(table.instructionSet, threads)) }
    for benchmark in benchmarks where matches(benchmark.name) {
      let result = try measure(benchmark, compute, probe)
      print(json ? try result.json : result.row)
    }
  }

  /// Rows and columns of the matrices of published models, the smallest and the largest of their layers.
  private static let shapes = [
    (192, 576), (1536, 576), (576, 1536), (2048, 640), (640, 2048), (4864, 896), (896, 4864),
  ]

  private var benchmarks: [any KernelBenchmark] {
    var all: [any KernelBenchmark] = []
    for type in QuantType.allCases where SyntheticMatrices.isMade(type) {
      for (rows, columns) in Self.shapes where columns % type.blockSize == 0 {
        for count in Set([1, tokens]).sorted() {
          all.append(ProductBenchmark(type: type, rows: rows, columns: columns, tokens: count))
        }
      }
    }
    for type in KVElement.allCases {
      for (heads, keyHeads, size) in [(9, 3, 64), (4, 1, 256), (14, 2, 64)] {
        all.append(
          AttentionBenchmark(type: type, headCount: heads, keyHeadCount: keyHeads, headSize: size, depth: 4096))
      }
    }
    return all
  }

  private func matches(_ name: String) -> Bool { filter.split(separator: " ").allSatisfy { name.contains($0) } }

  private func measure(
    _ benchmark: any KernelBenchmark, _ compute: Compute, _ probe: RooflineProbe
  ) throws -> Result {
    let work = try benchmark.prepare(compute)
    var (seconds, limits) = ([Double](), [Roofline]())
    // A kernel that takes so long, a type that is dequantised on the way, is no matter of a few percent.
    while seconds.count < repetitions, seconds.reduce(0, +) < 1 {
      // Reading 256 MB, the sample also leaves the caches without what the last pass left there.
      limits.append(probe.sample(threads: threads))
      let start = ContinuousClock.now
      try work.run()
      seconds.append(start.duration(to: .now) / .seconds(1))
    }
    return Result(benchmark.name, work, seconds: median(seconds), limits)
  }
}

func median(_ values: [Double]) -> Double { values.isEmpty ? .nan : values.sorted()[values.count / 2] }
