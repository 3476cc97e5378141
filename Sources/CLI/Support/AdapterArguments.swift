import ArgumentParser
import Kinglet
import KingletAdapters
import KingletTransformer

/// Adapters on the command line.
struct AdapterArguments: ParsableArguments {
  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp(
      "Apply a LoRA adapter: a PEFT or MLX folder, or a GGUF file; with =0.5 at half its strength. Several add up.",
      valueName: "path[=scale]"))
  var specifications: [String] = []

  /// The adapters, made ready by what a model has for it.
  func load(_ load: (Adapter) throws(KingletError) -> LoadedAdapter) throws(KingletError) -> [AppliedAdapter] {
    var adapters: [AppliedAdapter] = []
    for specification in specifications {
      let (adapter, strength) = try AdapterArguments.read(specification)
      adapters.append(try load(adapter).scaled(strength))
    }
    return adapters
  }

  /// "path" or "path=0.5".
  static func read(_ specification: String) throws(KingletError) -> (Adapter, strength: Float) {
    guard let mark = specification.lastIndex(of: "="),
      let strength = Float(specification[specification.index(after: mark)...])
    else { return (try Adapter(contentsOf: specification), 1) }
    let adapter = try Adapter(contentsOf: String(specification[..<mark]))
    try adapter.check(strength: strength)
    return (adapter, strength)
  }
}
