import Kinglet
import Synchronization

/// Conversations that are used again, so that the instructions, with which every prompt begins, are in the cache already.
final class ChatPool: Sendable {
  private struct Key: Hashable {
    let model: ObjectIdentifier
    let instructions: String
  }
  private let idle = Mutex<[Key: [ChatSession]]>([:])

  /// A conversation without history, for one question; to be given back.
  func take(_ model: LanguageModel, instructions: String) -> ChatSession {
    let key = Key(model: ObjectIdentifier(model), instructions: instructions)
    return idle.withLock { $0[key]?.popLast() } ?? ChatSession(model, instructions: instructions)
  }

  func giveBack(_ session: ChatSession, instructions: String) {
    session.clear()
    let key = Key(model: ObjectIdentifier(session.model), instructions: instructions)
    idle.withLock { $0[key, default: []].append(session) }
  }
}
