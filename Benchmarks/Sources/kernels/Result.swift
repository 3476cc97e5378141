import Foundation
import KingletTensors

/// What a kernel reached, and what share of the machine's limits that is.
struct Result: Encodable {
  let name: String
  let readGigabytes: Double
  let gigaops: Double
  let shareOfRead: Double
  let shareOfSgemm: Double
  let shareOfInt8: Double?

  init(_ name: String, _ work: Work, seconds: Double, _ limits: [Roofline]) {
    self.name = name
    readGigabytes = Double(work.byteCount) / seconds / 1e9
    gigaops = Double(work.operationCount) / seconds / 1e9
    shareOfRead = readGigabytes / median(limits.map(\.readGigabytes))
    shareOfSgemm = gigaops / median(limits.map(\.sgemmGigaflops))
    let int8 = limits.compactMap(\.int8Gigaops)
    shareOfInt8 = int8.isEmpty ? nil : gigaops / median(int8)
  }

  private enum CodingKeys: String, CodingKey {
    case name
    case readGigabytes = "read_gb_per_s"
    case gigaops = "gop_per_s"
    case shareOfRead = "share_of_read"
    case shareOfSgemm = "share_of_sgemm"
    case shareOfInt8 = "share_of_int8"
  }

  static func heading(_ set: InstructionSet, _ threads: Int) -> String {
    """
    Kernels for \(set.rawValue), threads: \(threads)

    | kernel | GB/s | Gop/s | of memory read | of sgemm | of int8 |
    |---|---:|---:|---:|---:|---:|
    """
  }

  var row: String {
    let cells = [readGigabytes, gigaops].map { String(format: "%.1f", $0) }
    let shares = [shareOfRead, shareOfSgemm, shareOfInt8].map { $0.map { String(format: "%.2f", $0) } ?? "" }
    return "| " + ([name] + cells + shares).joined(separator: " | ") + " |"
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
