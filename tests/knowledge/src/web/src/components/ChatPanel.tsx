import { useEffect, useRef, useState } from "react";

interface Message {
  from: string;
  text: string;
}

/** The chat of one room; it reconnects with a growing pause. */
export function ChatPanel({ room }: { room: string }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const pause = useRef(500);

  useEffect(() => {
    let socket: WebSocket;
    let timer: number;
    const connect = () => {
      socket = new WebSocket(`wss://chat.nightjar.gg/rooms/${room}`);
      socket.onopen = () => (pause.current = 500);
      socket.onmessage = (event) => setMessages((old) => [...old.slice(-199), JSON.parse(event.data)]);
      socket.onclose = () => {
        timer = window.setTimeout(connect, pause.current);
        pause.current = Math.min(pause.current * 2, 30_000);
      };
    };
    connect();
    return () => {
      window.clearTimeout(timer);
      socket.close();
    };
  }, [room]);

  return (
    <ul className="chat">
      {messages.map((message, index) => (
        <li key={index}>
          <b>{message.from}</b> {message.text}
        </li>
      ))}
    </ul>
  );
}
