import ArgumentParser
import KingletCatalog
import KingletEvaluation
import KingletTensors

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what Kinglet finds on this machine.",
    discussion: "Example:\n  kinglet doctor")

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Report: Encodable {
    let version: String
    let machine: Machine
    let bestInstructionSet: String
    let hasBLAS: Bool
    let modelFolders: [String]
  }

  func run() throws {
    let selected = try KernelTable.selected().instructionSet
    let report = Report(
      version: kingletVersion, machine: .current, bestInstructionSet: InstructionSet.best.rawValue,
      hasBLAS: ComputeOptions.hasBLAS, modelFolders: ModelFolders.current.paths)
    if json { return try printJSON(report) }
    let best = InstructionSet.best
    try standardOutput(
      table([
        ["version", report.version], ["processor", report.machine.processor],
        ["cores this process may use", "\(report.machine.cores)"],
        [
          "kernels",
          selected.rawValue
            + (selected == best ? "" : " (KINGLET_ISA; the best here is \(best.rawValue))"),
        ],
        ["float matrix library", report.hasBLAS ? "OpenBLAS" : "none: the kernels above do the work"],
        ["folders of models", report.modelFolders.joined(separator: ", ")],
      ]))
  }
}
