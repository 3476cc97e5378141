import ArgumentParser
import KingletCatalog
import KingletEvaluation
import KingletTensors

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what Kinglet finds on this machine.",
    discussion: "Examples:\n  kinglet doctor\n  kinglet doctor --json")

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    struct Threads: Encodable {
      /// What is used unless --threads says otherwise.
      let used = ThreadCount.available
      let coresOnline = ThreadCount.online
      let coresByAffinity = ThreadCount.affinity
      let coresByGroupLimit = ThreadCount.quota
    }

    let version = kingletVersion
    let machine = Machine.current
    let processorFeatures = ProcessorFeatures.names
    let bestInstructionSet = InstructionSet.best.rawValue
    let hasBLAS = ComputeOptions.hasBLAS
    let blas = ComputeOptions.blasConfiguration
    let blasAdvice = ComputeOptions.blasAdvice
    let threads = Threads()
    let memory = MemoryLimits.current
    let modelFolders = ModelFolders.current.paths
  }

  func run() throws {
    // An unknown KINGLET_ISA is an error here as everywhere.
    _ = try KernelTable.selected()
    let report = Report()
    if json { return try printJSON(report) }
    let features = report.processorFeatures.joined(separator: " ")
    try standardOutput(
      table([
        ["version", report.version], ["processor", report.machine.processor],
        ["features", features.isEmpty ? "none that kernels could use" : features],
        ["kernels", kernels(report)],
        ["float matrix library", library(report)],
        ["threads", threads(report.threads)], ["memory", memory(report.memory)],
        ["2 MB pages", report.memory.hugePages ?? "unknown"],
        ["folders of models", report.modelFolders.joined(separator: ", ")],
      ]))
  }

  private func library(_ report: Report) -> String {
    guard let blas = report.blas else { return "none: the kernels above do the work" }
    return report.blasAdvice.map { "\(blas); it \($0)" } ?? blas
  }

  private func kernels(_ report: Report) -> String {
    let (selected, best) = (report.machine.instructionSet, report.bestInstructionSet)
    return selected == best ? selected : "\(selected) (KINGLET_ISA; the best here is \(best))"
  }

  private func threads(_ threads: Report.Threads) -> String {
    var limits = ["\(threads.coresOnline) cores online"]
    if threads.coresByAffinity != threads.coresOnline { limits.append("\(threads.coresByAffinity) by affinity") }
    if let quota = threads.coresByGroupLimit { limits.append("\(quota) by the control group") }
    return "\(threads.used) (\(limits.joined(separator: ", ")))"
  }

  private func memory(_ memory: MemoryLimits) -> String {
    let figures: [(Int?, String)] = [
      (memory.totalBytes, ""), (memory.availableBytes, " available"),
      (memory.groupLimitBytes, " by the control group"), (memory.addressSpaceLimitBytes, " of addresses (ulimit -v)"),
    ]
    let known = figures.compactMap { bytes, what in bytes.map { byteCount($0) + what } }
    return known.isEmpty ? "unknown" : known.joined(separator: ", ")
  }
}
