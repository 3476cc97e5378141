import ArgumentParser
import Kinglet
import KingletAdapters
import KingletTransformer

struct LoraInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what an adapter changes, and whether it fits a base.",
    discussion: """
      Examples:
        kinglet lora inspect adapters/legal
        kinglet lora inspect legal.gguf --base smollm2
        kinglet lora inspect adapters/legal --tensors
        kinglet lora inspect adapters/legal --json

      The exit code is 1 for an adapter that cannot be applied, or not to this base; what is in its file is shown all the \
      same. With --json: path, format, architecture, bytes, parameters, updates (tensor, rank, scale, rows, columns, \
      weight_decomposed), tensors (name, type, shape, bytes), problem, base.
      """)

  @Argument(help: "A PEFT or MLX folder, or a GGUF file.")
  var adapter: String

  @Option(help: ArgumentHelp("See whether it fits: a GGUF file, a folder or a name.", valueName: "model"))
  var base: String?

  @Flag(help: "List every tensor of the file.")
  var tensors = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let listing = try AdapterListing(contentsOf: adapter)
    var problem: KingletError?
    var read: Adapter?
    do throws(KingletError) { read = try Adapter(contentsOf: adapter) } catch {
      // Of a file that is broken there is nothing to tell.
      guard error.code == .unsupported else { throw error }
      problem = error
    }
    let base = try AdapterBase(named: base)
    if let base, let read {
      do throws(KingletError) { try base.check(read) } catch { problem = error }
    }
    let report = AdapterReport(path: adapter, listing, read, base, problem)
    if json {
      try printJSON(report)
      if problem != nil { throw ExitCode.failure }
      return
    }
    try standardOutput(report.text(withTensors: tensors))
    if let problem { throw problem }
  }
}

/// What `lora inspect` tells of an adapter.
private struct AdapterReport: Encodable {
  struct Update: Encodable {
    let tensor: String
    let rank: Int
    let scale: Float
    let rows: Int
    let columns: Int
    let weightDecomposed: Bool
  }
  struct Tensor: Encodable {
    let name: String
    let type: String
    let shape: [Int]
    let bytes: Int
  }
  struct Base: Encodable {
    let path: String
    let architecture: String
    /// Nil when the adapter cannot be read.
    let fits: Bool?
  }

  let path: String
  let format: String
  let architecture: String?
  let bytes: Int
  let parameters: Int
  let updates: [Update]
  let tensors: [Tensor]
  let problem: String?
  let base: Base?

  init(path: String, _ listing: AdapterListing, _ adapter: Adapter?, _ base: AdapterBase?, _ problem: KingletError?) {
    self.path = path
    format = listing.format.rawValue
    architecture = adapter?.architecture
    bytes = listing.tensors.reduce(0) { $0 + $1.byteCount }
    parameters = listing.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    updates = (adapter?.updates ?? []).map {
      Update(
        tensor: $0.tensor, rank: $0.rank, scale: $0.scale, rows: $0.rows, columns: $0.columns,
        weightDecomposed: $0.magnitude != nil)
    }
    tensors = listing.tensors.map { Tensor(name: $0.name, type: $0.type, shape: $0.shape, bytes: $0.byteCount) }
    self.problem = problem.map { "\($0)" }
    self.base = base.map {
      Base(
        path: $0.path, architecture: $0.description.architecture, fits: adapter == nil ? nil : problem == nil)
    }
  }

  func text(withTensors: Bool) -> String {
    let types = Set(tensors.map(\.type)).sorted().joined(separator: ", ")
    var rows = [["adapter", path], ["format", format], ["base architecture", architecture ?? "not told"]]
    rows.append(["size", "\(byteCount(bytes)) of \(types), \(decimal(Double(parameters) / 1e6, 3)) M parameters"])
    if !updates.isEmpty {
      let kind = updates.contains(where: \.weightDecomposed) ? " (weight-decomposed)" : ""
      rows.append(["changes", "\(updates.count) tensors\(kind)"])
    }
    if let base {
      let verdict = base.fits.map { $0 ? "fits" : "does not fit" } ?? "cannot be applied"
      rows.append(["with \(base.path)", "\(verdict) (\(base.architecture))"])
    }
    var text = table(rows)
    if !updates.isEmpty {
      text += "\n" + table([["tensors", "layers", "rank", "scale", "rows", "columns"]] + groups, right: [2, 3, 4, 5])
    }
    if withTensors || updates.isEmpty {
      text += "\n"
      text += table(tensors.map { ["  " + $0.name, $0.type, $0.shape.map(String.init).joined(separator: " x ")] })
    }
    return text
  }

  /// A line for updates of the same kind, size, rank and scale.
  private var groups: [[String]] {
    struct Key: Hashable {
      let name: String
      let rank: Int
      let scale: Float
      let rows: Int
      let columns: Int
    }
    var order: [Key] = []
    var layers: [Key: [Int]] = [:]
    for update in updates {
      let parts = update.tensor.split(separator: ".")
      let layer = parts.count > 2 ? Int(parts[1]) : nil
      let name = layer == nil ? update.tensor : parts[2...].joined(separator: ".")
      let key = Key(name: name, rank: update.rank, scale: update.scale, rows: update.rows, columns: update.columns)
      if layers[key] == nil { order.append(key) }
      layers[key, default: []] += layer.map { [$0] } ?? []
    }
    return order.sorted { $0.name < $1.name }.map { key in
      [
        key.name, ranges(layers[key] ?? []), "\(key.rank)", decimal(Double(key.scale), 4), "\(key.rows)",
        "\(key.columns)",
      ]
    }
  }

  /// Whole numbers as ranges: 0-3, 5.
  private func ranges(_ numbers: [Int]) -> String {
    var parts: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
      if let last = parts.last, last.upperBound + 1 == number {
        parts[parts.count - 1] = last.lowerBound...number
      } else {
        parts.append(number...number)
      }
    }
    return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(
      separator: ", ")
  }
}
