import KingletErrors
import KingletTransformer

/// What an adapter's file has for one module.
struct ModuleParts {
  enum Kind { case a, b, magnitude, bias, whole }

  /// The module's name in the file.
  let module: String
  private var tensors: [Kind: AdapterTensor] = [:]
  /// A copy of the weights that the module had when it was trained.
  var base: BaseRows?

  init(module: String) { self.module = module }

  subscript(kind: Kind) -> AdapterTensor? { tensors[kind] }

  /// - Throws: `.fileCorrupt`, naming both, when there is another tensor that means the same, or one that calls the module
  ///   otherwise: each program takes another of them.
  fileprivate mutating func add(_ tensor: AdapterTensor, as kind: Kind, of module: String) throws(KingletError) {
    let other = tensors[kind] ?? (module == self.module ? nil : tensors.values.first)
    guard other == nil else {
      throw KingletError(
        .fileCorrupt, "the tensor is for the same module as \(other?.name ?? self.module)", at: tensor.name,
        remedy: "Keep one of the two.")
    }
    tensors[kind] = tensor
  }
}

/// The modules of an adapter's file, by what the format calls their weights.
struct ModuleTable {
  private var parts: [String: ModuleParts] = [:]

  /// In the order of their tensors, so that of several errors it is always the same one.
  var modules: [(tensor: String, parts: ModuleParts)] {
    parts.sorted { $0.key < $1.key }.map { (tensor: $0.key, parts: $0.value) }
  }

  /// Adds what the file has for the module whose weights are `tensor`.
  ///
  /// - Throws: `.fileCorrupt`, naming both, when there is another that means the same.
  mutating func add(
    _ part: AdapterTensor, as kind: ModuleParts.Kind, of module: String, _ tensor: String
  ) throws(KingletError) {
    try parts[tensor, default: ModuleParts(module: module)].add(part, as: kind, of: module)
  }

  mutating func add(_ base: BaseRows, of module: String, _ tensor: String) {
    parts[tensor, default: ModuleParts(module: module)].base = base
  }
}

/// The two factors of an update, `[rank, columns]` and `[rows, rank]`.
struct FactorPair {
  let a: [Float]
  let b: [Float]
  let rank: Int

  /// - Parameter names: What the format calls the two.
  /// - Throws: `.fileCorrupt`, without location, naming what is missing or the shapes that do not belong together.
  init(_ parts: ModuleParts, _ names: (a: String, b: String)) throws(KingletError) {
    guard let a = parts[.a], let b = parts[.b] else {
      let missing = (parts[.a] == nil ? [names.a] : []) + (parts[.b] == nil ? [names.b] : [])
      throw KingletError(
        .fileCorrupt, "\(missing.joined(separator: " and ")) of the update is missing", remedy: Remedy.saveAgain)
    }
    guard a.shape.count == 2, b.shape.count == 2, a.shape[0] == b.shape[1], !a.values.isEmpty,
      !b.values.isEmpty
    else {
      throw KingletError(
        .fileCorrupt, "factors of the shapes \(a.shape) and \(b.shape) do not belong together",
        remedy: Remedy.saveAgain)
    }
    (self.a, self.b, rank) = (a.values, b.values, a.shape[0])
  }
}
