import KingletErrors
import KingletTokenizers

/// What conversion reads of a `tokenizer.model`: SentencePiece's `ModelProto` (`sentencepiece_model.proto`).
struct SentencePieceFile {
  struct Piece {
    var text = ""
    var score: Float = 0
    var kind = TokenKind.normal
  }

  private(set) var pieces: [Piece] = []
  /// `TrainerSpec.ModelType`.
  private(set) var modelType: UInt64 = 1
  private(set) var charsmap: [UInt8] = []
  private(set) var addsSpacePrefix = true
  private(set) var removesExtraSpaces = true
  private(set) var escapesSpaces = true

  static let unigram: UInt64 = 1
  static let bytePair: UInt64 = 2

  init(_ bytes: [UInt8], path: String) throws(KingletError) {
    var reader = ProtobufReader(bytes[...], path: path)
    while let (field, value) = try reader.next() {
      guard case .bytes(let message) = value else { continue }
      switch field {
      case 1: pieces.append(try Self.piece(message, path))
      case 2: try readTrainer(message, path)
      case 3: try readNormalizer(message, path)
      default: break
      }
    }
    guard !pieces.isEmpty, pieces.count <= TokenTable.maximumCount else {
      throw KingletError(
        .fileCorrupt, "a vocabulary has 1 to \(TokenTable.maximumCount) tokens, not \(pieces.count)", at: path)
    }
  }

  private static func piece(_ message: ArraySlice<UInt8>, _ path: String) throws(KingletError) -> Piece {
    var piece = Piece()
    var reader = ProtobufReader(message, path: path)
    while let field = try reader.next() {
      switch field {
      case (1, .bytes(let text)): piece.text = String(decoding: text, as: UTF8.self)
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .integer(let number)):
        guard let kind = UInt8(exactly: number).flatMap(TokenKind.init) else {
          throw reader.error("a token is of the type \(number), which is not known")
        }
        piece.kind = kind
      default: break
      }
    }
    if piece.score.isNaN { throw reader.error("the score of \(piece.text.debugDescription) is not a number") }
    return piece
  }

  private mutating func readTrainer(_ message: ArraySlice<UInt8>, _ path: String) throws(KingletError) {
    var reader = ProtobufReader(message, path: path)
    while let field = try reader.next() {
      if case (3, .integer(let type)) = field { modelType = type }
    }
  }

  private mutating func readNormalizer(_ message: ArraySlice<UInt8>, _ path: String) throws(KingletError) {
    var reader = ProtobufReader(message, path: path)
    while let field = try reader.next() {
      switch field {
      case (2, .bytes(let table)): charsmap = Array(table)
      case (3, .integer(let flag)): addsSpacePrefix = flag != 0
      case (4, .integer(let flag)): removesExtraSpaces = flag != 0
      case (5, .integer(let flag)): escapesSpaces = flag != 0
      default: break
      }
    }
  }
}
