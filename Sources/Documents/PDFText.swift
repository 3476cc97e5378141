import Foundation
import KingletErrors

/// PDF, by `pdftotext` of poppler-utils: pages end with form feeds.
package enum PDFText {
  /// What stands between the texts of two pages.
  package static let pageBreak: UInt8 = 0x0C
  /// Seconds after which a file is given up.
  private static let timeLimit = 120.0

  static func load(_ path: String, _ options: LoadingOptions) throws(KingletError) -> LoadedDocument {
    let bytes = try text(of: path, limit: options.fileLimit)
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = TextLines(text)
    var blocks: [Block] = []
    var (page, start) = (1, 0)
    // A page at a time, so that no paragraph is on two.
    for (index, byte) in lines.bytes.enumerated() where byte == pageBreak {
      blocks += paragraphs(lines, start..<index, page: page)
      (page, start) = (page + 1, index + 1)
    }
    blocks += paragraphs(lines, start..<lines.bytes.count, page: page)
    var document = LoadedDocument(format: .pdf, text: text, blocks: blocks)
    if blocks.isEmpty { document.notes.append("no text: the pages may be pictures") }
    return document
  }

  private static func paragraphs(_ text: TextLines, _ range: Range<Int>, page: Int) -> [Block] {
    PlainText.paragraphs(TextLines(text.string(range))).map { block in
      Block(
        .prose, block.range.lowerBound + range.lowerBound..<block.range.upperBound + range.lowerBound,
        place: Place(page: page))
    }
  }

  private static func text(of path: String, limit: Int) throws(KingletError) -> [UInt8] {
    guard let tool = tool() else {
      throw KingletError(
        .unsupported, "PDF files are read with pdftotext, which is not installed", at: path,
        remedy: "Install poppler-utils (apt-get install poppler-utils, brew install poppler)")
    }
    let run = { () throws -> (bytes: [UInt8], status: Int32, message: String) in try output(of: tool, path, limit) }
    let result: (bytes: [UInt8], status: Int32, message: String)
    do {
      result = try run()
    } catch {
      throw KingletError(.fileUnreadable, "pdftotext could not be run: \(error)", at: path)
    }
    guard result.status == 0 else {
      throw KingletError(.fileCorrupt, "pdftotext failed\(result.message)", at: path)
    }
    return result.bytes
  }

  private static func tool() -> String? {
    let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
    return folders.map { $0 + "/pdftotext" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  private static func output(
    of tool: String, _ path: String, _ limit: Int
  ) throws -> (bytes: [UInt8], status: Int32, message: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    // An absolute path: a name that begins with a dash is no option.
    process.arguments = ["-enc", "UTF-8", "-q", URL(fileURLWithPath: path).path, "-"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let deadline = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + timeLimit, execute: deadline)
    defer { deadline.cancel() }
    var bytes: [UInt8] = []
    while let piece = try output.fileHandleForReading.read(upToCount: 1 << 16), !piece.isEmpty {
      bytes += piece
      if bytes.count > limit {
        process.terminate()
        return ([], 1, ": more than \(limit) bytes of text")
      }
    }
    process.waitUntilExit()
    let wasKilled = process.terminationReason == .uncaughtSignal
    return (bytes, wasKilled ? 1 : process.terminationStatus, wasKilled ? ": it took too long" : "")
  }
}
