import KingletErrors
import KingletFiles
import KingletQuants

/// A checked tensor table.
struct TensorTable {
  let inFileOrder: [GGUFTensor]
  let indices: [String: Int]
}

extension GGUFCursor {
  /// Reads the tensor table, and checks that every tensor lies within the file, aligned, and apart from the others.
  mutating func tensors(count: Int, alignment: Int) throws(KingletError) -> TensorTable {
    var entries: [TableEntry] = []
    var indices: [String: Int] = [:]
    for index in 0..<count {
      subject = "tensor \(index)"
      let entry = try tableEntry(alignment: alignment)
      guard indices.updateValue(index, forKey: entry.name) == nil else {
        throw corrupt("the name appears twice", at: entry.position)
      }
      entries.append(entry)
    }
    // Tensor data begins at the next multiple of the alignment; offsets in the table count from there.
    let dataStart = (UInt64(offset) + UInt64(alignment) - 1) / UInt64(alignment) * UInt64(alignment)
    var tensors: [GGUFTensor] = []
    for entry in entries { tensors.append(try place(entry, dataStart)) }
    try refuseOverlaps(tensors, entries)
    return TensorTable(inFileOrder: tensors, indices: indices)
  }

  private mutating func tableEntry(alignment: Int) throws(KingletError) -> TableEntry {
    let position = offset
    let name = try name("the tensor name", limit: 64)
    subject = "tensor \(quoted(name))"
    let (dimensions, elementCount) = try shape()
    let type = try quantType()
    guard dimensions[0] % type.blockSize == 0 else {
      throw corrupt(
        "rows of \(dimensions[0]) values are no whole \(type.name) blocks of \(type.blockSize)", at: position)
    }
    guard let byteCount = type.byteCount(forElements: elementCount) else {
      throw corrupt("\(elementCount) values of type \(type.name) are too large", at: position)
    }
    let start = offset
    let dataOffset = try integer("the offset", as: UInt64.self)
    guard dataOffset % UInt64(alignment) == 0 else {
      throw corrupt("the offset \(dataOffset) is no multiple of the alignment \(alignment)", at: start)
    }
    return TableEntry(
      name: name, dimensions: dimensions, type: type, elementCount: elementCount, byteCount: byteCount,
      dataOffset: dataOffset, position: position)
  }

  /// One to four dimensions, none of them zero, and their product.
  private mutating func shape() throws(KingletError) -> (dimensions: [Int], elementCount: Int) {
    let start = offset
    let rank = try integer("the number of dimensions", as: UInt32.self)
    guard (1...4).contains(rank) else { throw corrupt("\(rank) dimensions; a tensor has 1 to 4", at: start) }
    var dimensions: [Int] = []
    var elementCount = 1
    for _ in 0..<rank {
      let start = offset
      let dimension = try integer("a dimension", as: UInt64.self)
      guard let size = Int(exactly: dimension), size > 0 else {
        throw corrupt("a dimension of \(dimension)", at: start)
      }
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: size)
      guard !overflow else { throw corrupt("the dimensions' product is beyond 64 bits", at: start) }
      dimensions.append(size)
      elementCount = product
    }
    return (dimensions, elementCount)
  }

  private mutating func quantType() throws(KingletError) -> QuantType {
    let start = offset
    let number = try integer("the tensor type", as: UInt32.self)
    guard let type = QuantType(rawValue: number) else {
      throw KingletError(
        .unsupported, "tensor type \(number) is not known", at: location(start),
        remedy: "Use a file quantised to one of the usual types, such as Q4_K_M or Q8_0")
    }
    return type
  }

  private mutating func place(_ entry: TableEntry, _ dataStart: UInt64) throws(KingletError) -> GGUFTensor {
    subject = "tensor \(quoted(entry.name))"
    let (start, overflow) = dataStart.addingReportingOverflow(entry.dataOffset)
    let (end, endOverflow) = start.addingReportingOverflow(UInt64(entry.byteCount))
    guard !overflow, !endOverflow, end <= UInt64(store.bytes.count) else {
      throw corrupt(
        "\(entry.byteCount) bytes at offset \(entry.dataOffset) of the data are beyond the file's "
          + "\(store.bytes.count) bytes", at: entry.position, remedy: incompleteFileRemedy)
    }
    return GGUFTensor(
      name: entry.name, dimensions: entry.dimensions, type: entry.type, offset: Int(start),
      byteCount: entry.byteCount, elementCount: entry.elementCount)
  }

  private mutating func refuseOverlaps(_ tensors: [GGUFTensor], _ entries: [TableEntry]) throws(KingletError) {
    let order = tensors.indices.sorted { tensors[$0].offset < tensors[$1].offset }
    for (first, second) in zip(order, order.dropFirst()) {
      let end = tensors[first].offset + tensors[first].byteCount
      guard end <= tensors[second].offset else {
        subject = "tensor \(quoted(tensors[second].name))"
        throw corrupt("the data overlap those of \(quoted(tensors[first].name))", at: entries[second].position)
      }
    }
  }
}

/// A tensor as the table has it, before its place in the file is known.
private struct TableEntry {
  let name: String
  let dimensions: [Int]
  let type: QuantType
  let elementCount: Int
  let byteCount: Int
  /// Counted from the start of the data.
  let dataOffset: UInt64
  /// Where the entry lies in the file.
  let position: Int
}
