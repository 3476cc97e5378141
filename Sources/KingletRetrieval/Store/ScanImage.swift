import Foundation
import GRDB
import Kinglet
import KingletErrors
import KingletFiles
import KingletQuants
import KingletTensors

/// The vectors of a large store as 4-bit rows in the order of the kernels, in a file beside the store that is mapped.
///
/// The truth is in the store: an image that is missing, damaged, of another store or another processor is made anew. A
/// vector never changes under its id, so that an image stays good: chunks that came later are searched in float beside
/// it, those that are gone are masked, until there are too many of either.
///
/// Layout: a JSON header of up to 4096 bytes, filled up with zeros; the ids as little-endian 64-bit numbers, filled up to
/// a multiple of 4096; the packed panels.
struct ScanImage {
  let path: String
  private static let page = 4096
  /// Later chunks, as a share of all, from which on the image is made anew; in any case not below the second.
  private static let mostLater = (share: 8, count: 20_000)
  /// Rows packed at once: what is in memory while an image is made.
  private static let rowsAtOnce = 1 << 14

  private struct Header: Codable {
    var format = "kinglet scan image 1"
    var identity: String
    var layout: String
    var count: Int
  }

  /// The image and, as floats, what is not in it.
  func parts(
    of store: SQLiteStore, count: Int, dimensions: Int, compute: Compute
  ) throws(KingletError) -> [VectorIndex.Part] {
    let type: QuantType = dimensions % 32 == 0 ? .q4_0 : .f32
    let layout = try VectorRows.Layout(type, columns: dimensions, table: compute.table)
    let identity = try store.read { try Schema.value("identity", $0) ?? "" }
    if var part = open(identity, layout, compute), let last = part.ids.last {
      let (there, later) = try store.read { database in
        let there = try Int.fetchOne(database, sql: "SELECT count(*) FROM vector WHERE id <= ?", arguments: [last]) ?? 0
        return (there, count - there)
      }
      let isFresh =
        later <= max(Self.mostLater.count, count / Self.mostLater.share)
        && part.ids.count - there <= part.ids.count / 4
      if isFresh {
        if there != part.ids.count {
          let ids = try store.read { database in
            try Int64.fetchAll(database, sql: "SELECT id FROM vector WHERE id <= ? ORDER BY id", arguments: [last])
          }
          part.live = VectorIndex.bits(part.ids, with: ids)
        }
        let tail = try VectorIndex.exactPart(of: store, after: last, dimensions: dimensions, compute: compute)
        return [part] + [tail].compactMap { $0 }
      }
    }
    try make(of: store, Header(identity: identity, layout: layout.name, count: count), layout, compute)
    guard let part = open(identity, layout, compute) else {
      throw KingletError(.fileUnreadable, "the scan image cannot be read again", at: path)
    }
    return [part]
  }

  private func open(
    _ identity: String, _ layout: VectorRows.Layout, _ compute: Compute
  ) -> VectorIndex.Part? {
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    guard let head = try? handle.read(upToCount: Self.page),
      let header = try? JSONDecoder().decode(Header.self, from: head.prefix { $0 != 0 }),
      header.format == Header(identity: "", layout: "", count: 0).format, header.identity == identity,
      header.layout == layout.name, header.count > 0, header.count < 1 << 40,
      let size = FileState(path: path)?.size, size >= Self.panelOffset(header.count),
      let bytes = try? handle.read(upToCount: header.count * 8), bytes.count == header.count * 8
    else { return nil }
    let ids = bytes.withUnsafeBytes { raw in
      (0..<header.count).map { Int64(littleEndian: raw.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
    }
    guard zip(ids, ids.dropFirst()).allSatisfy(<),
      let rows = try? VectorRows(
        mapping: path, offset: Self.panelOffset(header.count), count: header.count, layout: layout,
        table: compute.table)
    else { return nil }
    return VectorIndex.Part(rows: rows, ids: ids, isExact: layout.type == .f32)
  }

  private static func panelOffset(_ count: Int) -> Int { page + (count * 8 + page - 1) / page * page }

  /// Writes the image; the rows pass through memory a few thousand at a time.
  private func make(
    of store: SQLiteStore, _ header: Header, _ layout: VectorRows.Layout, _ compute: Compute
  ) throws(KingletError) {
    let path = path
    let threads = compute.threads
    try store.read { database in
      // Within one snapshot, in which the count may have changed since.
      let ids = try Int64.fetchAll(database, sql: "SELECT id FROM vector ORDER BY id")
      var header = header
      header.count = ids.count
      let file = try ReplacementFile(at: path)
      var head = Array(try json(header).utf8)
      head += [UInt8](repeating: 0, count: Self.page - head.count)
      for id in ids { withUnsafeBytes(of: id.littleEndian) { head += $0 } }
      head += [UInt8](repeating: 0, count: Self.panelOffset(ids.count) - head.count)
      try head.withUnsafeBytes { try file.write($0) }
      var floats: [Float] = []
      var panels = [UInt8](repeating: 0, count: Self.rowsAtOnce / layout.panelRows * layout.panelByteCount)
      func flush() throws {
        let count = (floats.count / layout.columns + layout.panelRows - 1) / layout.panelRows * layout.panelByteCount
        try panels.withUnsafeMutableBytes { bytes in
          floats.withUnsafeBufferPointer { layout.pack($0, into: bytes, threads: threads) }
          try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        floats.removeAll(keepingCapacity: true)
      }
      let rows = try Row.fetchCursor(database, sql: "SELECT id, value FROM vector ORDER BY id")
      while let row = try rows.next() {
        try appendVector(row, to: &floats, dimensions: layout.columns)
        if floats.count == Self.rowsAtOnce * layout.columns { try flush() }
      }
      if !floats.isEmpty { try flush() }
      try file.commit()
    }
  }
}
