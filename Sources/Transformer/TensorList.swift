import KingletErrors
import KingletGGUF
import KingletTensors

/// Whether the file must have a part.
public enum Presence: Sendable { case absent, optional, required }

/// The tensors of a file, ticked off as they are used.
struct TensorList {
  let file: GGUFFile
  private(set) var matrices: [GGUFTensor] = []
  private var used: Set<String> = []

  init(file: GGUFFile) { self.file = file }

  private mutating func find(_ name: String) throws(KingletError) -> GGUFTensor {
    guard let tensor = file.tensor(named: name) else {
      throw KingletError(
        .fileCorrupt, "the tensor is missing", at: name, remedy: "The file is incomplete, or of another architecture.")
    }
    used.insert(name)
    return tensor
  }

  /// A matrix to be packed after those added before.
  mutating func add(_ name: String, rows: Int, columns: Int) throws(KingletError) {
    matrices.append(try checked(name, rows: rows, columns: columns))
  }

  private mutating func checked(_ name: String, rows: Int, columns: Int) throws(KingletError) -> GGUFTensor {
    let tensor = try find(name)
    guard tensor.dimensions == [columns, rows] else {
      let shape = tensor.dimensions.map(String.init).joined(separator: " x ")
      throw KingletError(.fileCorrupt, "has the shape \(shape) where the metadata needs \(columns) x \(rows)", at: name)
    }
    return tensor
  }

  /// Matrices of the same input, or, where the file has fused them, the parts of that one matrix.
  mutating func add(_ parts: [(name: String, rows: Int)], fusedAs fused: String, columns: Int) throws(KingletError) {
    guard parts.contains(where: { file.tensor(named: $0.name) == nil }) && file.tensor(named: fused) != nil else {
      for part in parts { try add(part.name, rows: part.rows, columns: columns) }
      return
    }
    let tensor = try checked(fused, rows: parts.reduce(0) { $0 + $1.rows }, columns: columns)
    var first = 0
    for part in parts {
      if let rows = tensor.rows(first..<first + part.rows) { matrices.append(rows) }
      first += part.rows
    }
  }

  /// Two matrices of `rows` each that the file has as one.
  mutating func addHalves(of name: String, rows: Int, columns: Int) throws(KingletError) {
    let tensor = try checked(name, rows: 2 * rows, columns: columns)
    for half in [0..<rows, rows..<2 * rows] { if let part = tensor.rows(half) { matrices.append(part) } }
  }

  func has(_ name: String) -> Bool { file.tensor(named: name) != nil }

  /// A tensor that this use of the model does without.
  mutating func ignore(_ name: String) { used.insert(name) }

  mutating func vector(_ name: String, count: Int) throws(KingletError) -> FloatVector {
    try WeightArena.loadVector(try find(name), from: file, count: count)
  }

  mutating func vector(
    _ name: String, count: Int, _ presence: Presence
  ) throws(KingletError) -> FloatVector? {
    if presence == .absent || presence == .optional && file.tensor(named: name) == nil { return nil }
    return try vector(name, count: count)
  }

  /// The vectors of some matrices, or the parts of one where the file has fused them.
  mutating func vectors(
    _ parts: [(name: String, count: Int)], fusedAs fused: String, _ presence: Presence
  ) throws(KingletError) -> [FloatVector?] {
    guard presence != .absent, file.tensor(named: fused) != nil else {
      var vectors: [FloatVector?] = []
      for part in parts { vectors.append(try vector(part.name, count: part.count, presence)) }
      return vectors
    }
    let values = try vector(fused, count: parts.reduce(0) { $0 + $1.count }).values
    var first = 0
    return parts.map { part in
      defer { first += part.count }
      return FloatVector(Array(values[first..<first + part.count]))
    }
  }

  /// A tensor nobody asked for would be silently left out of the computation.
  func refuseOthers() throws(KingletError) {
    for tensor in file.tensors where !used.contains(tensor.name) {
      throw KingletError(
        .unsupported, "the tensor belongs to no part of this architecture that Kinglet knows", at: tensor.name)
    }
  }
}
