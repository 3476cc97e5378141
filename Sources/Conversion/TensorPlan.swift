import KingletErrors
import KingletFiles
import KingletGGUF
import KingletQuants
import KingletSafetensors

/// A tensor on its way from safetensors to GGUF.
struct TensorPlan: Sendable {
  /// The name in the GGUF file.
  let name: String
  let source: SafetensorsTensor
  let change: TensorRule.Change

  /// - Throws: `.unsupported` or `.fileCorrupt`, naming the tensor, when its type or shape does not allow the change.
  init(_ source: SafetensorsTensor, name: String, change: TensorRule.Change) throws(KingletError) {
    func refuse(_ code: KingletError.Code, _ message: String) -> KingletError {
      KingletError(code, message, at: "tensor \(quoted(source.name))")
    }
    guard source.type.isFloat else {
      throw refuse(.unsupported, "weights of type \(source.type.rawValue) are not converted")
    }
    guard (1...4).contains(source.shape.count), source.elementCount > 0 else {
      throw refuse(.fileCorrupt, "a shape of \(source.shape) is none of weights")
    }
    switch change {
    case .none, .addingOne: break
    case .pairingHeads(let count):
      guard count > 0, source.shape[0] % count == 0, source.shape[0] / count % 2 == 0 else {
        throw refuse(.fileCorrupt, "\(source.shape[0]) rows are not those of \(count) heads")
      }
    case .droppingRows(let count):
      guard source.shape[0] > count else {
        throw refuse(.fileCorrupt, "\(source.shape[0]) rows are no more than the \(count) that are unused")
      }
    }
    self.name = name
    self.source = source
    self.change = change
  }

  /// The shape after the change, in the order of PyTorch.
  var shape: [Int] {
    guard case .droppingRows(let count) = change else { return source.shape }
    return [source.shape[0] - count] + source.shape.dropFirst()
  }

  /// Adds the tensor to `writer`; its values are read from `weights` when the file is written.
  func add(to writer: inout GGUFWriter, type: QuantType, weights: SafetensorsFolder) throws(KingletError) {
    try writer.addTensor(name, dimensions: shape.reversed(), type: type) { (sink) throws(KingletError) in
      try write(from: weights, to: sink)
    }
  }

  /// Writes the values some rows at a time: a head, or about a million values.
  private func write(from weights: SafetensorsFolder, to sink: GGUFTensorSink) throws(KingletError) {
    let rows = source.shape[0]
    let rowLength = source.elementCount / rows
    var first = 0
    var step = max(1, (1 << 20) / rowLength)
    switch change {
    case .none, .addingOne: break
    case .droppingRows(let count): first = count
    case .pairingHeads(let count): step = rows / count
    }
    for start in stride(from: first, to: rows, by: step) {
      var values = try weights.floats(of: source, rows: start..<min(start + step, rows))
      switch change {
      case .none, .droppingRows: break
      case .addingOne: values = values.map { $0 + 1 }
      case .pairingHeads: values = paired(values, rowLength: rowLength)
      }
      try sink.write(floats: values)
      weights.releasePages()
    }
  }

  /// The rows of a head, those of its two halves by turns.
  private func paired(_ values: [Float], rowLength: Int) -> [Float] {
    let half = values.count / 2
    return stride(from: 0, to: half, by: rowLength).flatMap { start in
      values[start..<start + rowLength] + values[half + start..<half + start + rowLength]
    }
  }
}
