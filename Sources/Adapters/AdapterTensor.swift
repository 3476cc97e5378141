import KingletErrors
import KingletGGUF
import KingletSafetensors
import KingletTransformer

/// A tensor of an adapter's file, in single precision.
struct AdapterTensor {
  let name: String
  /// The length of a row last.
  let shape: [Int]
  let values: [Float]

  /// - Throws: `.unsupported` when it does not hold fractions; `.fileCorrupt` for values that are not finite.
  init(_ tensor: SafetensorsTensor, of file: SafetensorsFile) throws(KingletError) {
    try self.init(tensor.name, shape: tensor.shape, file.floats(of: tensor))
  }

  /// - Throws: `.unsupported` when its type cannot be read; `.fileCorrupt` for values that are not finite.
  init(_ tensor: GGUFTensor, of file: GGUFFile) throws(KingletError) {
    guard let values = file.withBytes(of: tensor, tensor.type.floats) else {
      throw KingletError(
        .unsupported, "values of type \(tensor.type.name) cannot be used", at: tensor.name,
        remedy: "Convert the adapter with F32, F16 or Q8_0 tensors.")
    }
    try self.init(tensor.name, shape: tensor.dimensions.reversed(), values)
  }

  private init(_ name: String, shape: [Int], _ values: [Float]) throws(KingletError) {
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw KingletError(
        .fileCorrupt, "value \(index) of \(values.count) is \(values[index]), no finite number of single precision",
        at: name, remedy: "Train or save the adapter again: with this tensor no result means anything.")
    }
    (self.name, self.shape, self.values) = (name, shape, values)
  }

  private init(_ name: String, transposed values: [Float], rows: Int, columns: Int) {
    (self.name, shape) = (name, [columns, rows])
    self.values = KingletTransformer.transposed(values, rows: rows, columns: columns)
  }

  /// Checks how many sizes it has: 1 for a number for each row, 2 for a matrix.
  ///
  /// - Throws: `.fileCorrupt`, naming the shape.
  func with(sizes count: Int) throws(KingletError) -> AdapterTensor {
    guard shape.count == count else {
      throw KingletError(
        .fileCorrupt, "a tensor of the shape \(shape) is no \(count == 1 ? "list of numbers" : "matrix")", at: name,
        remedy: Remedy.saveAgain)
    }
    return self
  }

  /// - Throws: `.fileCorrupt`, naming the shape, when it is no matrix.
  func transposed() throws(KingletError) -> AdapterTensor {
    let matrix = try with(sizes: 2)
    return AdapterTensor(name, transposed: values, rows: matrix.shape[0], columns: matrix.shape[1])
  }
}
