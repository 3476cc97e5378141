import Dispatch
import Synchronization

/// A queue from many callers to one thread, first come, first served.
final class Mailbox<Message: Sendable>: Sendable {
  private struct State {
    var messages: [Message] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  /// Counts the messages, and one more for the end.
  private let filled = DispatchSemaphore(value: 0)

  func post(_ message: Message) {
    state.withLock { $0.messages.append(message) }
    filled.signal()
  }

  /// No more will be posted; what is in the queue is still delivered.
  func close() {
    state.withLock { $0.isClosed = true }
    filled.signal()
  }

  /// Waits for the next message; nil after the last.
  func take() -> Message? {
    filled.wait()
    return state.withLock { $0.messages.isEmpty ? nil : $0.messages.removeFirst() }
  }
}
